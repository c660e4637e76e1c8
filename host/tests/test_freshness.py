import random

import pytest

from webinfra.freshness import Freshness, Readable, Sample
from webinfra.gtid import GtidSet

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


def first(transactions: int) -> GtidSet:
    """The first so many transactions."""
    return GtidSet.parse(f"{UUID}:1-{transactions}" if transactions else "")


def test_is_not_known_until_this_server_has_caught_up_once() -> None:
    freshness = Freshness()
    assert freshness.lag(10, first(5)) is None
    freshness.saw(Sample(10, first(6)))
    assert freshness.lag(10, first(5)) is None
    assert freshness.lag(11, first(6)) == 0


def test_is_nothing_while_the_newest_look_is_caught_up_with() -> None:
    freshness = Freshness()
    freshness.saw(Sample(10, first(5)))
    assert freshness.lag(12, first(5)) == 0
    assert freshness.lag(12.1, first(5)) == pytest.approx(2.1)


def test_grows_while_the_primary_cannot_be_asked() -> None:
    freshness = Freshness()
    freshness.saw(Sample(10, first(5)))
    assert freshness.lag(10, first(5)) == 0
    assert freshness.lag(70, first(5)) == 60


def test_is_never_nothing_between_two_transactions_of_a_backlog() -> None:
    freshness = Freshness()
    freshness.saw(Sample(0, first(0)))
    assert freshness.lag(0, first(0)) == 0
    for second in range(1, 200):
        freshness.saw(Sample(second, first(second * 10)))
        # Applies half of what comes.
        lag = freshness.lag(second, first(second * 5))
        assert lag is not None
        assert lag >= second / 2 - 1


def test_ends_when_the_backlog_does() -> None:
    freshness = Freshness()
    for second in range(600):
        freshness.saw(Sample(second, first(second)))
    assert freshness.lag(599, first(598)) == pytest.approx(1, abs=1)
    assert freshness.lag(599, first(599)) == 0


def test_a_primary_that_writes_nothing_costs_no_memory_and_no_lag() -> None:
    freshness = Freshness(4)
    freshness.saw(Sample(0, first(1)))
    assert freshness.lag(0, first(1)) == 0
    for second in range(1, 100):
        freshness.saw(Sample(second, first(2)))
    # All that was written came in the first second.
    assert freshness.lag(99.5, first(1)) == 99.5
    assert freshness.lag(99.5, first(2)) == 0


def test_what_a_lost_primary_alone_had_is_not_waited_for() -> None:
    freshness = Freshness()
    freshness.saw(Sample(1, GtidSet.parse(f"{UUID}:1-5:9")))
    freshness.saw(Sample(2, first(5)))
    assert freshness.lag(3, first(5)) == 0


def test_a_look_that_comes_late_changes_nothing() -> None:
    freshness = Freshness()
    freshness.saw(Sample(5, first(5)))
    freshness.saw(Sample(4, first(4)))
    assert freshness.lag(5, first(4)) is None


@pytest.mark.parametrize("seed", range(100))
def test_is_never_less_than_the_truth(seed: int) -> None:
    """Against every state that the primary had: what is said may be more, by the thinning, and never less than the age of what is here."""
    chance = random.Random(seed)
    freshness = Freshness(chance.choice([4, 8, 64]))
    history: list[tuple[float, int]] = [(0.0, 0)]
    applied = 0
    for step in range(1, 400):
        now = step / 2
        history.append((now, history[-1][1] + chance.choice([0, 0, 1, 5])))
        freshness.saw(Sample(now, first(history[-1][1])))
        applied = min(history[-1][1], applied + chance.choice([0, 1, 1, 6]))
        lag = freshness.lag(now, first(applied))
        truth = now - max(at for at, written in history if written <= applied)
        if lag is not None:
            assert lag >= truth - 1e-9
        if applied == history[-1][1]:
            assert lag == 0


def test_a_replica_leaves_at_once() -> None:
    readable = Readable(5)
    assert readable.look(0, 0)
    assert readable.look(3, 5)
    assert not readable.look(4, 5.1)


def test_a_replica_is_in_the_pool_at_once_when_its_agent_begins() -> None:
    readable = Readable(5)
    # What the primary has was not all here at the first look.
    assert not readable.look(0, None)
    assert readable.look(1.9, 2.5)


def test_a_replica_that_was_never_within_the_bound_at_the_beginning_has_to_stay_there() -> None:
    late = Readable(5)
    assert not late.look(0, None)
    assert not late.look(2, 0)
    assert not late.look(3.9, 0)
    assert late.look(4, 0)
    behind = Readable(5)
    assert not behind.look(0, 6)
    assert not behind.look(1, 0)
    assert not behind.look(2.9, 0)
    assert behind.look(3, 0)


def test_a_replica_comes_back_when_it_stays_well_within_the_bound() -> None:
    readable = Readable(5)
    readable.look(0, 0)
    assert readable.look(2, 0)
    assert not readable.look(3, None)
    assert not readable.look(4, 2.5)
    # A break.
    assert not readable.look(5, 2.6)
    assert not readable.look(6, 1)
    assert not readable.look(7.9, 1)
    assert readable.look(8, 1)


def test_a_replica_that_swings_about_the_bound_does_not_come_and_go() -> None:
    readable = Readable(4)
    assert not readable.look(0, None)
    assert not readable.look(2, None)
    for step in range(4, 200):
        assert not readable.look(step / 2, (step * 7 % 5) + 0.0)
