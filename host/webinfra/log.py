"""What programs say: systemd puts it into the host's journal."""

import sys
from typing import Protocol


class Log(Protocol):
    def say(self, words: str) -> None:
        """Something was done."""
        ...

    def complain(self, words: str) -> None:
        """Something went wrong."""
        ...


class Journal:
    """The journal of the unit that started this program."""

    def say(self, words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    def complain(self, words: str) -> None:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


class Complaints:
    """Says what goes wrong once, until it is another thing or was well in between."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._last = ""

    def about(self, words: str) -> None:
        """What is wrong now; empty: nothing."""
        if words and words != self._last:
            self._log.complain(words)
        self._last = words
