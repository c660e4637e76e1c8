import random
import time
from collections.abc import Set as AbstractSet

import pytest

from webinfra.gtid import GtidSet

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
B = "4e11fa47-71ca-11e1-9e33-c80aa9429562"
Plain = frozenset[tuple[str, str, int]]


def spelled(chance: random.Random, transactions: AbstractSet[tuple[str, str, int]]) -> str:
    """The set as one of the many texts that mean it: in any order, in pieces, some of it twice."""
    parts = []
    for uuid, tag, number in transactions:
        end = number
        while (uuid, tag, end + 1) in transactions and chance.random() < 0.7:
            end += 1
        interval = str(number) if end == number else f"{number}-{end}"
        parts.append(f"{uuid}:{tag}:{interval}" if tag else f"{uuid.upper()}:{interval}")
    chance.shuffle(parts)
    return chance.choice([",", ", ", ",\n"]).join(parts)


def plain(transactions: GtidSet) -> Plain:
    return frozenset(
        (uuid, tag, number) for (uuid, tag), intervals in transactions.sources for start, end in intervals for number in range(start, end)
    )


def some(chance: random.Random) -> Plain:
    sources = [(A, ""), (A, "t"), (A, "u"), (B, "")]
    return frozenset((*chance.choice(sources), chance.randint(1, 12)) for _ in range(chance.randint(0, 30)))


@pytest.mark.parametrize("seed", range(500))
def test_agrees_with_plain_sets(seed: int) -> None:
    chance = random.Random(seed)
    one = some(chance)
    two = chance.choice([one, one | some(chance), some(chance)])
    first, second = GtidSet.parse(spelled(chance, one)), GtidSet.parse(spelled(chance, two))
    assert plain(first) == one
    assert plain(first - second) == one - two
    assert plain(first | second) == one | two
    assert (first <= second) == (one <= two)
    assert (first == second) == (one == two)
    assert bool(first) == bool(one)
    assert GtidSet.parse(str(first)) == first
    assert GtidSet.parse(str(first | second)) == second | first
    assert (first - second) | second == first | second


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        (" \n", ""),
        (f"{A}:1-5:7", f"{A}:1-5:7"),
        (f"{A}:7:1-5:6", f"{A}:1-7"),
        (f"{A}:tag:1-3", f"{A}:tag:1-3"),
        (f"{A}:1-5:tag:1-3:9:other:2", f"{A}:1-5:other:2:tag:1-3:9"),
        (f"{B}:1,\n{A}:2,", f"{A}:2,{B}:1"),
        (f"{A}:5-1", ""),
    ],
)
def test_reads_what_mysql_writes(text: str, said: str) -> None:
    assert str(GtidSet.parse(text)) == said


@pytest.mark.parametrize(
    "text", ["x", A, f"{A}:", f"{A}:0", f"{A}:1-", f"{A}:-1", f"{A}:tag", f"{A}:1:Tag!", f"{A}:{2**63}", f"{A}:1-5;{B}:1", f"{A}:²"]
)
def test_refuses_what_is_no_set(text: str) -> None:
    with pytest.raises(ValueError, match="no set of transactions"):
        GtidSet.parse(text)


def test_is_fast_for_sets_that_differ_little() -> None:
    many = ":".join(f"{number}-{number + 1}" for number in range(1, 300_000, 3))
    one, two = GtidSet.parse(f"{A}:{many}"), GtidSet.parse(f"{A}:{many}:900000")
    started = time.perf_counter()
    assert one <= two
    assert str(two - one) == f"{A}:900000"
    assert not one - two
    assert one | two == two
    assert time.perf_counter() - started < 2
