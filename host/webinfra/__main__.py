"""Starts one of the host's programs: webinfra-host PROGRAM [OPTION …]."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final

PROGRAMS: Final = {
    "sync": "webinfra.sync",
    "agent": "webinfra.agent",
    "release": "webinfra.release",
    "settings": "webinfra.live_settings",
    "address": "webinfra.address",
    "database": "webinfra.database.program",
    "access-log": "webinfra.access_log",
    "logs": "webinfra.logs",
    "application-log": "webinfra.application_log",
    "start-anew": "webinfra.start_anew",
}


def entry(program: str) -> Callable[[], None]:
    """What runs it. Only its own modules are loaded: each host runs several of these."""
    found: Callable[[], None] = import_module(PROGRAMS[program]).main
    return found


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"usage: webinfra-host {'|'.join(PROGRAMS)}")
    # What one program writes, another reads as another user.
    os.umask(0o022)
    entry(sys.argv[1])()


if __name__ == "__main__":
    main()
