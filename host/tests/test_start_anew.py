"""Starting the application anew, though nothing changed."""

import json
from collections.abc import Sequence

import pytest

from tests.fakes import FakeCommands, MemoryFiles
from webinfra import places
from webinfra.outside import Failed
from webinfra.start_anew import start_anew
from webinfra.tried import Tried

RELEASE = "a" * 64
TRIED = Tried(RELEASE, "webinfra-app@green", "@1700000000.000010", "", "it ends", "end", final=False)


def host(*, runs_app: bool = True) -> MemoryFiles:
    files = MemoryFiles()
    files.put(f"{places.SETTINGS}/release.json", {"runsApp": runs_app})
    files.texts[places.ACTIVE] = f"blue {RELEASE}\n"
    return files


def test_asks_the_release_program_which_it_starts_again() -> None:
    files = host()

    def answer(command: Sequence[str]) -> str:
        assert command == ("systemctl", "restart", "webinfra-release.service")
        assert files.texts[places.START_ANEW] == ""
        files.remove(places.START_ANEW)
        return ""

    start_anew(files, FakeCommands(answer))
    assert places.START_ANEW not in files.texts


def test_says_what_became_of_it_with_its_log_and_asks_for_nothing_more() -> None:
    files = host()

    def answer(command: Sequence[str]) -> str:
        if command[0] == "journalctl":
            return json.dumps({"__REALTIME_TIMESTAMP": "1", "MESSAGE": "cannot go on"})
        files.put(places.RELEASE_STATUS, {"error": "it did not become healthy", "application": TRIED.written()})
        raise Failed("systemctl failed (1)")

    with pytest.raises(Failed) as failed:
        start_anew(files, FakeCommands(answer))
    first, log = str(failed.value).split("\n")
    assert first == "it did not become healthy"
    assert log.endswith(" cannot go on")
    assert places.START_ANEW not in files.texts


def test_says_what_systemd_says_where_the_program_said_nothing() -> None:
    def answer(command: Sequence[str]) -> str:  # noqa: ARG001
        raise Failed("systemctl failed (1): Job canceled")

    with pytest.raises(Failed, match=r"^systemctl failed \(1\): Job canceled$"):
        start_anew(host(), FakeCommands(answer))


def test_there_has_to_be_one_that_runs() -> None:
    commands = FakeCommands()
    with pytest.raises(Failed, match=r"^this host runs no application$"):
        start_anew(host(runs_app=False), commands)
    files = host()
    files.remove(places.ACTIVE)
    with pytest.raises(Failed, match=r"^no release runs here yet$"):
        start_anew(files, commands)
    assert commands.run_ == []
