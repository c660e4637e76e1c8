"""What the application wrote whose release does not become healthy: webinfra-host application-log [--lines N]."""

import argparse
import json
import os
import sys
import time
from typing import Final

from webinfra.files import Disk, Files
from webinfra.outside import Commands, Failed, Shell
from webinfra.redaction import secrets, without
from webinfra.trial import cleaned
from webinfra.tried import last_tried

_LONGEST: Final = 500
_JOURNAL: Final = ("journalctl", "--quiet", "--no-pager", "--output=json")


def position(commands: Commands) -> str:
    """Just after all that the journal holds now, as journalctl takes a time; empty when that is nothing."""
    said = commands.run((*_JOURNAL, "--lines=1", "--output-fields=PRIORITY"), seconds=30)
    found = [_microseconds(json.loads(line)) + 1 for line in said.splitlines()]
    return f"@{found[-1] // 10**6}.{found[-1] % 10**6:06}" if found else ""


def lines(files: Files, commands: Commands, most: int) -> list[str]:
    """The last that it wrote itself, each with the host's time of day: not what systemd says of it, nor what others wrote before it."""
    tried = last_tried(files)
    if tried is None:
        return []
    unit = f"_SYSTEMD_UNIT={tried.unit}.service"
    since = (f"--since={tried.since}",) if tried.since else ()
    own = (unit, "_TRANSPORT=stdout", "+", unit, "_TRANSPORT=syslog")
    said = commands.run((*_JOURNAL, f"--lines={most}", *since, *own), seconds=30)
    hidden = secrets(files)
    return [f"{_time(entry)} {cleaned(without(_message(entry), hidden), _LONGEST)}".rstrip() for entry in map(json.loads, said.splitlines())]


def _microseconds(entry: dict[str, object]) -> int:
    """When it was written."""
    return int(str(entry.get("__REALTIME_TIMESTAMP", "0")))


def _time(entry: dict[str, object]) -> str:
    return time.strftime("%H:%M:%S", time.localtime(_microseconds(entry) / 1e6))


def _message(entry: dict[str, object]) -> str:
    """A text, or a list of bytes where it holds others than letters; none when it is too long for journalctl."""
    message = entry.get("MESSAGE")
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return message if isinstance(message, str) else ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="webinfra-host application-log")
    parser.add_argument("--lines", type=int, default=20)
    options = parser.parse_args(sys.argv[2:])
    try:
        found = lines(Disk(), Shell(os.environ), options.lines)
    except Failed as failure:
        sys.exit(str(failure))
    sys.stdout.writelines(f"{line}\n" for line in found)
