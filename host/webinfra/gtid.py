"""Sets of MySQL's transaction identifiers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

_SOURCE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TAG: Final = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_INTERVAL: Final = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")
# MySQL's own largest number is one less.
_END: Final = 2**63 - 1

# From the first number to the one after the last.
Interval = tuple[int, int]
Intervals = tuple[Interval, ...]
# The server that began with it, and the tag, which is empty for most.
Source = tuple[str, str]


@dataclass(frozen=True)
class GtidSet:
    """Transactions, as intervals for each source. Sets of the same transactions are equal: all is sorted, and nothing is empty."""

    sources: tuple[tuple[Source, Intervals], ...] = ()

    @staticmethod
    # Hosts say the same again and again.
    @lru_cache(maxsize=256)
    def parse(text: str) -> "GtidSet":
        """Reads what MySQL writes, such as `uuid:1-5:7:tag:1-3, uuid:9`; ValueError when it is none."""
        found: dict[Source, list[Interval]] = {}
        for part in "".join(text.split()).lower().split(","):
            if not part:
                continue
            uuid, *pieces = part.split(":")
            if not _SOURCE.fullmatch(uuid) or not pieces or _TAG.fullmatch(pieces[-1]):
                raise _wrong(part)
            tag = ""
            for piece in pieces:
                if match := _INTERVAL.fullmatch(piece):
                    first, last = int(match[1]), int(match[2] or match[1])
                    if first < 1 or last >= _END:
                        raise _wrong(part)
                    # MySQL takes an interval that ends before it begins for none at all.
                    if first <= last:
                        found.setdefault((uuid, tag), []).append((first, last + 1))
                elif _TAG.fullmatch(piece):
                    tag = piece
                else:
                    raise _wrong(part)
        return GtidSet(tuple((source, _merged(found[source])) for source in sorted(found)))

    def __bool__(self) -> bool:
        return bool(self.sources)

    def __len__(self) -> int:
        """How many transactions these are."""
        return sum(end - start for _, intervals in self.sources for start, end in intervals)

    def __le__(self, other: "GtidSet") -> bool:
        """Whether the other set has all of these."""
        if self.sources == other.sources:
            return True
        theirs = dict(other.sources)
        return all(source in theirs and _within(intervals, theirs[source]) for source, intervals in self.sources)

    def __sub__(self, other: "GtidSet") -> "GtidSet":
        if self.sources == other.sources:
            return GtidSet()
        theirs = dict(other.sources)
        left = ((source, _without(intervals, theirs.get(source, ()))) for source, intervals in self.sources)
        return GtidSet(tuple((source, intervals) for source, intervals in left if intervals))

    def __or__(self, other: "GtidSet") -> "GtidSet":
        if self.sources == other.sources:
            return self
        mine, theirs = dict(self.sources), dict(other.sources)
        return GtidSet(tuple((source, _both(mine.get(source, ()), theirs.get(source, ()))) for source in sorted({*mine, *theirs})))

    def without(self, uuid: str) -> "GtidSet":
        """Those that another server than this one began."""
        return GtidSet(tuple(entry for entry in self.sources if entry[0][0] != uuid))

    def __str__(self) -> str:
        """As MySQL writes it, without new lines."""
        return ",".join(
            ":".join([uuid, *(piece for (_, tag), intervals in entries for piece in _pieces(tag, intervals))])
            for uuid, entries in groupby(self.sources, key=lambda entry: entry[0][0])
        )


def _wrong(part: str) -> ValueError:
    return ValueError(f"no set of transactions: {part[:80]}")


def _pieces(tag: str, intervals: Intervals) -> Iterator[str]:
    if tag:
        yield tag
    for start, end in intervals:
        yield str(start) if end == start + 1 else f"{start}-{end - 1}"


def _merged(intervals: list[Interval]) -> Intervals:
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def _both(mine: Intervals, theirs: Intervals) -> Intervals:
    if mine == theirs or not theirs:
        return mine
    return _merged([*mine, *theirs]) if mine else theirs


def _within(mine: Intervals, theirs: Intervals) -> bool:
    if mine == theirs:
        return True
    at = 0
    for start, end in mine:
        while at < len(theirs) and theirs[at][1] < end:
            at += 1
        if at == len(theirs) or theirs[at][0] > start:
            return False
    return True


def _without(mine: Intervals, theirs: Intervals) -> Intervals:
    if mine == theirs:
        return ()
    left: list[Interval] = []
    at = 0
    for start, end in mine:
        rest = start
        while at < len(theirs) and theirs[at][1] <= rest:
            at += 1
        over = at
        while over < len(theirs) and theirs[over][0] < end:
            if theirs[over][0] > rest:
                left.append((rest, theirs[over][0]))
            rest = max(rest, theirs[over][1])
            over += 1
        if rest < end:
            left.append((rest, end))
    return tuple(left)
