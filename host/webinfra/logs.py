"""The host's journal and its access logs as one, in the order of time: webinfra-host logs, with the options of `main`."""

import argparse
import io
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO, Final

# By the name of the server that writes each.
_ACCESS_LOGS: Final = {"nginx": Path("/var/log/nginx/access.log"), "haproxy": Path("/var/log/haproxy/access.log")}
_JOURNAL: Final = ("journalctl", "--quiet", "--no-pager", "--output=short-unix")
# Of the two that take turns.
_APPLICATION: Final = "webinfra-app@*.service"
_EVERY_LINE: Final = 1_000_000_000
_CURSOR: Final = "-- cursor: "
_DEFAULT_LINES: Final = 100
_BLOCK: Final = 65536
_POLL_SECONDS: Final = 0.2
# What is in front: seconds since 1970, or, of HAProxy, a priority and the time in words.
_LINE: Final = re.compile(r"(?:(\d+\.\d+)|<\d+>(\S+)) (.*)", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """What was logged at a time, in seconds since 1970."""

    time: float
    text: str

    def __str__(self) -> str:
        return f"{time.strftime('%b %d %H:%M:%S', time.localtime(self.time))} {self.text}"


def entries(lines: Iterable[str], source: str = "") -> list[Entry]:
    """The entries that these lines are; a line without a time goes on with the one before it. `source` comes before each text."""
    found: list[Entry] = []
    for line in lines:
        if match := _LINE.fullmatch(line):
            at = float(match[1]) if match[1] else datetime.fromisoformat(match[2]).timestamp()
            found.append(Entry(at, f"{source}{match[3]}"))
        else:
            found.append(Entry(found[-1].time if found else 0.0, line))
    return found


def in_order(*groups: Sequence[Entry]) -> list[Entry]:
    return sorted((entry for group in groups for entry in group), key=lambda entry: entry.time)


@dataclass(frozen=True)
class Selection:
    """What of a host's logs is asked for; by default everything."""

    since: float | None = None
    """Not older than this, in seconds since 1970."""
    pattern: re.Pattern[str] | None = None
    """Only lines in which this is found."""
    app: bool = False
    """Only what the application itself wrote."""

    def takes(self, line: str) -> bool:
        """Whether a line is asked for, whenever it was written."""
        return self.pattern is None or self.pattern.search(line) is not None

    def takes_entry(self, entry: Entry) -> bool:
        return (self.since is None or entry.time >= self.since) and self.takes(entry.text)

    @property
    def is_part(self) -> bool:
        """Whether the last lines may not be the ones that are asked for."""
        return self.since is not None or self.pattern is not None

    def journal_options(self) -> list[str]:
        return [
            *([] if self.since is None else [f"--since=@{int(self.since)}"]),
            *([f"--unit={_APPLICATION}"] if self.app else []),
        ]


def pattern_of(text: str | None) -> re.Pattern[str] | None:
    """A regular expression, as journalctl reads one: without a capital letter it finds either case."""
    if text is None:
        return None
    try:
        return re.compile(text, re.IGNORECASE if text == text.lower() else 0)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from error


class _Part:
    """A file from some place on, line by line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rest = b""
        self.inode = os.fstat(file.fileno()).st_ino

    def lines(self) -> list[str]:
        """The lines that are whole now, and were not told yet."""
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def last(self, wanted: int) -> list[str]:
        """The last whole lines; what comes after them is told by `lines`."""
        start = self._file.seek(0, io.SEEK_END)
        text = b""
        while start > 0 and text.count(b"\n") <= wanted:
            size = min(_BLOCK, start)
            start -= size
            self._file.seek(start)
            text = self._file.read(size) + text
        self._file.seek(start + len(text))
        *whole, self._rest = text.split(b"\n")
        return [line.decode(errors="replace") for line in whole[-wanted:]]

    def close(self) -> None:
        self._file.close()


class RotatedFile:
    """A log that is renamed when it is large (NAME.1, NAME.2, …), and made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[_Part] = []

    def last(self, wanted: int) -> list[str]:
        """The last lines, also of files that were renamed."""
        found: list[str] = []
        for number in count():
            part = self._opened(self._path.with_name(f"{self._path.name}.{number}") if number else self._path)
            if part is None and number:
                break
            if part is not None:
                found = [*part.last(wanted - len(found)), *found]
                if number:
                    part.close()
                else:
                    self._parts = [part]
            if len(found) >= wanted:
                break
        return found

    def news(self) -> list[str]:
        """The lines that came since the last call."""
        newest = self._parts[-1].inode if self._parts else None
        try:
            renamed = self._path.stat().st_ino != newest
        except OSError:
            renamed = False
        if renamed and (part := self._opened(self._path)) is not None:
            self._parts.append(part)
        # For a moment the writer goes on with the file that was renamed.
        while len(self._parts) > 2:
            self._parts.pop(0).close()
        return [line for part in self._parts for line in part.lines()]

    def close(self) -> None:
        while self._parts:
            self._parts.pop().close()

    @staticmethod
    def _opened(path: Path) -> _Part | None:
        try:
            return _Part(path.open("rb"))
        except OSError:
            return None


class Journal:
    """What systemd's journal holds, and what comes."""

    def __init__(self, *, colours: bool, selection: Selection) -> None:
        self._selection = selection
        self._environment = {**os.environ, "SYSTEMD_COLORS": "1" if colours else "0"}
        self._cursor: str | None = None
        self._rest = b""

    def last(self, wanted: int) -> list[str]:
        # Of lines that are found by a pattern, the last ones may be anywhere.
        limit = [f"--lines={wanted}"] if self._selection.pattern is None else []
        command = [*_JOURNAL, *self._selection.journal_options(), "--show-cursor", *limit]
        kept: deque[str] = deque(maxlen=wanted)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self._environment) as journalctl:
            for raw in journalctl.stdout or ():
                line = raw.decode(errors="replace").removesuffix("\n")
                if line.startswith(_CURSOR):
                    self._cursor = line.removeprefix(_CURSOR)
                elif self._selection.takes(line):
                    kept.append(line)
        return list(kept)

    def news(self) -> Iterator[list[str]]:
        """The lines that came since, again and again, and at least every fifth of a second; ends when journalctl does."""
        after = [f"--after-cursor={self._cursor}"] if self._cursor else []
        # A time would bring back what was told already.
        units = Selection(app=self._selection.app).journal_options()
        command = [*_JOURNAL, *units, "--follow", "--no-tail", *after]
        pipe, end = os.pipe()
        with subprocess.Popen(command, stdout=end, env=self._environment), selectors.DefaultSelector() as selector:
            os.close(end)
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                part = b""
                if selector.select(_POLL_SECONDS) and not (part := os.read(pipe, 16 * _BLOCK)):
                    return
                *whole, self._rest = (self._rest + part).split(b"\n")
                lines = (line.decode(errors="replace") for line in whole)
                yield [line for line in lines if self._selection.takes(line)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="webinfra-host logs")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--since", type=float)
    parser.add_argument("--grep", type=pattern_of)
    parser.add_argument("--app", action="store_true")
    parser.add_argument("--times", action="store_true")
    options = parser.parse_args(sys.argv[2:])
    selection = Selection(since=options.since, pattern=options.grep, app=options.app)
    wanted: int = options.lines or (_DEFAULT_LINES if selection.since is None else _EVERY_LINE)
    # Whoever reads may go at any time, and that is no error.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    journal = Journal(colours=sys.stdout.isatty(), selection=selection)
    host = socket.gethostname()

    def show(found: Sequence[Entry]) -> None:
        sys.stdout.writelines(f"{entry.time:.6f} {entry.text}\n" if options.times else f"{entry}\n" for entry in found)
        sys.stdout.flush()

    with ExitStack() as stack:
        logs = {} if selection.app else _ACCESS_LOGS
        files = {f"{host} {server}: ": stack.enter_context(closing(RotatedFile(path))) for server, path in logs.items()}

        def merged(lines: list[str], read: Callable[[RotatedFile], list[str]]) -> list[Entry]:
            visits = ([entry for entry in entries(read(file), source) if selection.takes_entry(entry)] for source, file in files.items())
            return in_order(entries(lines), *visits)

        visits = _EVERY_LINE if selection.is_part else wanted
        show(merged(journal.last(wanted), lambda file: file.last(visits))[-wanted:])
        if options.follow:
            for lines in journal.news():
                show(merged(lines, RotatedFile.news))


if __name__ == "__main__":
    main()
