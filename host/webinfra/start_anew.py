"""Starts the application anew, though nothing changed, by the way of a release: another one beside it, and switched to when healthy.

webinfra-host start-anew: ends when it serves, or with words and the application's log when it does not; the one that ran goes on then.
"""

import os
import sys
from typing import Final

from webinfra import application_log, places
from webinfra.files import Disk, Files
from webinfra.outside import Commands, Failed, Shell
from webinfra.settings import Fields, read_object

_UNIT: Final = "webinfra-release.service"
# Longer than the unit may take.
_SECONDS: Final = 700
# Lines of the application's log.
_LINES: Final = 20


def start_anew(files: Files, commands: Commands) -> None:
    """Failed when it does not serve in the end."""
    if not Fields.load(files, "release").flag("runsApp"):
        raise Failed("this host runs no application")
    if files.read(places.ACTIVE) is None:
        raise Failed("no release runs here yet")
    files.write(places.START_ANEW, "")
    try:
        # Not `start`: that would join a run that has looked at this before it was written.
        commands.run(("systemctl", "restart", _UNIT), seconds=_SECONDS)
    except Failed as failure:
        # What the log is about: the unit tries again in a moment, and forgets.
        log = application_log.lines(files, commands, _LINES)
        error = read_object(files, places.RELEASE_STATUS).get("error")
        raise Failed("\n".join([str(error or failure), *log])) from failure
    finally:
        # Where the unit could not begin at all.
        files.remove(places.START_ANEW)


def main() -> None:
    try:
        start_anew(Disk(), Shell(os.environ))
    except Failed as failure:
        sys.exit(str(failure))
