"""GTID sets of the simulated servers: a bit a transaction, by the server that it comes from."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

Bits = Mapping[str, int]


def uuid_of(host: int) -> str:
    return f"{host:08d}-0000-4000-8000-000000000000"


class Gtids:
    """A set that does not change."""

    __slots__ = ("bits",)

    def __init__(self, bits: Bits | None = None) -> None:
        self.bits = {source: mask for source, mask in (bits or {}).items() if mask}

    @staticmethod
    def one(source: str, number: int) -> "Gtids":
        return Gtids({source: 1 << number})

    def __or__(self, other: "Gtids") -> "Gtids":
        return Gtids({source: self.bits.get(source, 0) | other.bits.get(source, 0) for source in {**self.bits, **other.bits}})

    def __sub__(self, other: "Gtids") -> "Gtids":
        return Gtids({source: mask & ~other.bits.get(source, 0) for source, mask in self.bits.items()})

    def __le__(self, other: "Gtids") -> bool:
        return all(not mask & ~other.bits.get(source, 0) for source, mask in self.bits.items())

    def __bool__(self) -> bool:
        return bool(self.bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gtids) and self.bits == other.bits

    def __hash__(self) -> int:
        return hash(frozenset(self.bits.items()))

    def __len__(self) -> int:
        return sum(mask.bit_count() for mask in self.bits.values())

    def highest(self, source: str) -> int:
        return self.bits.get(source, 0).bit_length() - 1

    def first(self, count: int) -> "Gtids":
        """Some of them, lowest numbers first."""
        taken: dict[str, int] = {}
        for source, number in self:
            if count <= 0:
                break
            taken[source] = taken.get(source, 0) | 1 << number
            count -= 1
        return Gtids(taken)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for source, mask in sorted(self.bits.items()):
            left = mask
            while left:
                low = left & -left
                yield source, low.bit_length() - 1
                left ^= low

    def __str__(self) -> str:
        return ",".join(f"{source}:{_runs(mask)}" for source, mask in sorted(self.bits.items()))

    __repr__ = __str__


@lru_cache(maxsize=4096)
def _runs(mask: int) -> str:
    runs, at = [], 0
    while mask:
        skip = (mask & -mask).bit_length() - 1
        mask >>= skip
        length = ((mask + 1) & -(mask + 1)).bit_length() - 1
        at += skip
        runs.append(str(at) if length == 1 else f"{at}-{at + length - 1}")
        mask >>= length
        at += length
    return ":".join(runs)


@lru_cache(maxsize=4096)
def parse(text: str) -> Gtids:
    bits: dict[str, int] = {}
    for part in filter(None, text.replace("\n", "").replace(" ", "").split(",")):
        source, *runs = part.split(":")
        for run in runs:
            low, _, high = run.partition("-")
            mask = (1 << (int(high or low) + 1)) - (1 << int(low))
            bits[source] = bits.get(source, 0) | mask
    return Gtids(bits)
