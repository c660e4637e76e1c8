"""A host that holds data keeps the settings that it was made with, and gets each new package: a package has to work with all that hosts may have.

A version of settings is never changed here. Who changes what a program reads lets it read the old form too, and adds the new one as the next version.
"""

import json
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeCommands, MemoryFiles, Said
from webinfra import agent, live_settings, release, sync
from webinfra.database import program
from webinfra.files import Files
from webinfra.proxy_socket import ProxySocket

VERSIONS = sorted((Path(__file__).parent / "settings").glob("v*.json"))


def load_sync(files: Files) -> None:
    outside = sync.Outside(files, FakeClock(), FakeCommands(), Said(), lambda socket: ProxySocket(socket, seconds=1))
    for one in sync.Settings.load(files).consumers:
        assert sync.consumer(one, outside) is not None


LOADS = {
    "agent": agent.Settings.load,
    "database": program.load,
    "release": release.Settings.load,
    "settings": live_settings.Settings.load,
    "sync": load_sync,
}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.stem)
def test_are_read_by_this_package(version: Path) -> None:
    for name, settings in json.loads(version.read_text()).items():
        files = MemoryFiles(**{f"/etc/webinfra/{key}.json": json.dumps(values) for key, values in settings.items()})
        for one in settings:
            LOADS[one](files)
        assert {"agent", "sync"} <= set(settings), name
