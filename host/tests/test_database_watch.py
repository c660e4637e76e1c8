import json
import random
from dataclasses import dataclass, replace

import pytest

from tests.fakes import FakeClock, FakeWeb, MemoryFiles
from webinfra import places
from webinfra.database_watch import PATIENCE, DatabaseWatch
from webinfra.outside import Failed, Slow
from webinfra.protocol import DatabaseState, Epoch, Member, State, write_state
from webinfra.replication import Look

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
PRIMARY = Look(read_only=False, super_read_only=False, executed=f"{UUID}:1-5", received="", receiving=False, applying=False)
REPLICA = Look(read_only=True, super_read_only=True, executed=f"{UUID}:1-5", received=f"{UUID}:3-7", receiving=True, applying=True)
CLOSED = Look(read_only=True, super_read_only=True, executed=f"{UUID}:1-5", received="", receiving=False, applying=False)

SPOKEN: dict[str, object] = {
    "at": 999.5,
    "epoch": 3,
    "nonce": "n3",
    "holds": "yes",
    "closed": True,
    "opened": 2,
    "openedNonce": "n2",
    "executed": f"{UUID}:1-4",
    "received": "",
    "wants": None,
    "waiting": "for db-2",
    "alone": None,
    "conflict": False,
    "fenced": None,
}


@dataclass
class FakeMySQL:
    answer: Look | Failed | None = None

    def look(self) -> Look | None:
        if isinstance(self.answer, Failed):
            raise self.answer
        return self.answer


class World:
    def __init__(self, look: Look | None = None) -> None:
        self.files = MemoryFiles()
        self.clock = FakeClock()
        self.web = FakeWeb()
        self.mysql = FakeMySQL(look)
        self.watch = DatabaseWatch("db-1", 5, 9000, self.files, self.clock, self.mysql, self.web)
        if look is not None:
            self.watch.poll_mysql()

    def point(self, primary: str, epoch: int = 3) -> None:
        self.files.put(places.PRIMARY_POINTER, {"version": 2, "epoch": epoch, "nonce": "n", "primary": primary, "previous": None})
        self.files.put(
            f"{places.INVENTORY}/m-{primary}.json", {"machine": f"m-{primary}", "name": primary, "roles": ["database"], "address": "10.0.0.2"}
        )

    def speak(self, **changes: object) -> None:
        self.files.put(places.MEMBER, {**SPOKEN, **changes})

    def primary_says(self, executed: str, age: float = 0.0, *, looked: str = "", writable: bool = True) -> None:
        """By its database program `executed`, and by its agent's own look `looked`."""
        member = Member(closed=False, opened=None, executed=executed, received="", wants=None, waiting=None, alone=None, conflict=False, age=age)
        database = DatabaseState("primary", writable, Epoch(3, "n"), "yes", looked, "", None, member, speaks=True)
        self.web.put("http://10.0.0.2:9000/state", write_state(State("m-db-2", "db-2", database, ("database",))))

    def short(self) -> tuple[str, bool, bool, bool]:
        said = self.watch.state()
        return said.role, said.writable, said.replica, said.stale

    def serves(self) -> list[str]:
        """What proxies may send here for."""
        state = self.watch.state()
        return [what for what in ("primary", "replica", "stale") if self.watch.serves(what, state)]

    def pass_time(self, seconds: float, *, ask: bool = True) -> None:
        """Half a second after another, as the pollers do it."""
        for _ in range(int(seconds * 2)):
            self.clock.seconds += 0.5
            if ask:
                self.watch.ask_primary()
            self.watch.poll_mysql()


def following() -> World:
    """A replica that is read."""
    world = World(REPLICA)
    world.point("db-2")
    world.primary_says(f"{UUID}:1-5")
    world.pass_time(3)
    assert world.short() == ("replica", False, True, True)
    return world


def test_a_server_open_for_writes_is_the_primary() -> None:
    assert World(PRIMARY).short() == ("primary", True, False, False)


def test_a_server_half_open_is_nothing() -> None:
    assert World(replace(PRIMARY, read_only=True)).short() == ("none", False, False, False)


def test_a_replica_says_what_it_has_and_what_it_was_sent() -> None:
    said = World(REPLICA).watch.state()
    assert (said.executed, said.received) == (f"{UUID}:1-5", f"{UUID}:3-7")


def test_a_replica_within_the_bound_is_read() -> None:
    world = following()
    assert world.watch.state().lag == 0


def test_a_replica_that_never_heard_what_the_primary_has_is_stale() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.pass_time(3, ask=False)
    assert world.short() == ("replica", False, False, True)
    assert world.watch.state().lag is None


def test_a_replica_behind_is_stale_and_comes_back_when_it_stays_within_half_the_bound() -> None:
    world = following()
    for second in range(1, 8):
        world.primary_says(f"{UUID}:1-{second + 5}")
        world.pass_time(1)
    assert world.short() == ("replica", False, False, True)
    assert (world.watch.state().lag or 0) > 5
    world.mysql.answer = replace(REPLICA, executed=f"{UUID}:1-12")
    world.pass_time(2)
    assert world.short() == ("replica", False, False, True)
    world.pass_time(0.5)
    assert world.short() == ("replica", False, True, True)


def test_a_replica_that_cannot_hear_what_the_primary_has_becomes_stale() -> None:
    world = following()
    world.pass_time(4, ask=False)
    assert world.short() == ("replica", False, True, True)
    world.pass_time(2, ask=False)
    assert world.short() == ("replica", False, False, True)
    assert (world.watch.state().lag or 0) > 5


def test_a_replica_keeps_up_with_a_primary_that_writes_all_the_time() -> None:
    world = following()
    for step in range(6, 40):
        # MySQL was looked at after the primary was: what it had then is here.
        world.primary_says(f"{UUID}:1-{step}", age=0.3)
        world.mysql.answer = replace(REPLICA, executed=f"{UUID}:1-{step}")
        world.pass_time(0.5)
        assert world.short() == ("replica", False, True, True)
        assert world.watch.state().lag == 0


def test_a_server_that_does_not_take_writes_is_no_measure() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.primary_says(f"{UUID}:1-2", writable=False)
    world.pass_time(3)
    assert world.watch.state().lag is None


def test_a_primary_of_the_version_before_is_taken_for_half_a_second_old() -> None:
    world = World(REPLICA)
    world.point("db-2")
    database = {
        "role": "primary",
        "writable": True,
        "replica": False,
        "stale": False,
        "executed": f"{UUID}:1-5",
        "received": "",
        "epoch": 3,
        "holds": "yes",
    }
    state = {"machine": "m", "name": "db-2", "roles": ["database"], "converge": "done", "healthy": True, "database": database}
    world.web.put("http://10.0.0.2:9000/state", json.dumps(state))
    world.watch.ask_primary()
    world.clock.seconds += 1.6
    world.watch.poll_mysql()
    assert world.watch.state().lag == pytest.approx(2.1)


def test_the_age_of_what_the_primary_says_counts() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.primary_says(f"{UUID}:1-5", age=1.5)
    world.watch.ask_primary()
    world.clock.seconds += 1
    world.watch.poll_mysql()
    assert world.watch.state().lag == 2.5


def test_a_primary_whose_database_program_is_busy_is_believed_its_agent() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.primary_says(f"{UUID}:1-4", age=30, looked=f"{UUID}:1-5")
    world.watch.ask_primary()
    world.watch.poll_mysql()
    assert world.watch.state().lag == 0
    world.primary_says(f"{UUID}:1-4", age=30, looked=f"{UUID}:1-6")
    world.pass_time(3)
    assert (world.watch.state().lag or 0) > 2


@pytest.mark.parametrize("body", ["", "[]", "{", '{"version": 9}', '{"database": 5}'])
def test_a_primary_that_says_what_cannot_be_used_is_complained_of(body: str) -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.web.put("http://10.0.0.2:9000/state", body)
    with pytest.raises(Failed, match=r"^the agent of db-2 says what cannot be used: "):
        world.watch.ask_primary()


def test_a_primary_whose_transactions_cannot_be_read_is_complained_of() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.primary_says("nonsense")
    with pytest.raises(Failed, match="no set of transactions: nonsense"):
        world.watch.ask_primary()


def test_a_primary_that_is_not_listed_is_complained_of() -> None:
    world = World(REPLICA)
    world.point("db-2")
    world.files.texts[f"{places.INVENTORY}/m-db-2.json"] = "{"
    with pytest.raises(Failed, match="the inventory does not list db-2, the primary"):
        world.watch.ask_primary()


def test_nobody_is_asked_by_the_primary_itself_or_without_a_pointer() -> None:
    world = World(PRIMARY)
    world.watch.ask_primary()
    world.point("db-1")
    world.watch.ask_primary()
    assert world.web.asked == []


def test_a_replica_that_lost_its_source_is_stale() -> None:
    world = following()
    world.mysql.answer = replace(REPLICA, receiving=False)
    world.pass_time(0.5)
    assert world.short() == ("replica", False, False, True)


def test_a_replica_whose_applier_stopped_is_none() -> None:
    world = following()
    world.mysql.answer = replace(REPLICA, applying=False)
    world.pass_time(0.5)
    assert world.short() == ("none", False, False, False)


def test_an_answer_that_is_old_counts_for_nothing() -> None:
    world = following()
    world.mysql.answer = Failed("lost connection")
    world.pass_time(3)
    assert world.short() == ("none", False, False, False)
    assert world.watch.state().error == "lost connection"
    assert world.watch.state().executed == f"{UUID}:1-5"
    # And comes back as others do.
    world.mysql.answer = REPLICA
    world.pass_time(2)
    assert not world.watch.state().replica
    world.pass_time(0.5)
    assert world.watch.state().replica


def open_and_slow() -> World:
    """A primary that took writes, and whose MySQL has said nothing for three seconds."""
    world = World(PRIMARY)
    world.point("db-1")
    world.speak(closed=False)
    assert world.serves() == ["primary"]
    world.mysql.answer = Slow("timed out")
    world.pass_time(3)
    return world


def test_proxies_go_on_with_a_primary_that_is_slow() -> None:
    world = open_and_slow()
    # Which is no proof to a peer.
    assert world.short() == ("none", False, False, False)
    assert world.serves() == ["primary"]
    world.pass_time(PATIENCE - 3)
    assert world.serves() == []


def test_a_primary_that_is_slow_and_not_to_be_one_any_more_gets_nothing() -> None:
    world = open_and_slow()
    world.point("db-2", epoch=4)
    assert world.serves() == []


def test_a_primary_that_is_slow_and_was_closed_gets_nothing() -> None:
    world = open_and_slow()
    world.speak(closed=True)
    assert world.serves() == []
    world = open_and_slow()
    world.files.remove(places.MEMBER)
    assert world.serves() == []


def test_a_database_that_is_slow_and_fenced_gets_nothing() -> None:
    world = open_and_slow()
    world.speak(closed=False, fenced="3 transactions")
    assert world.serves() == []


def test_a_primary_that_is_not_there_gets_nothing() -> None:
    world = open_and_slow()
    world.mysql.answer = Failed("connection refused")
    world.pass_time(0.5)
    assert world.serves() == []


def test_a_primary_that_was_stopped_gets_nothing() -> None:
    world = open_and_slow()
    world.files.texts["/sys/fs/cgroup/system.slice/mysql.service/cgroup.events"] = "frozen 1\n"
    world.pass_time(0.5)
    assert world.serves() == []


def test_a_replica_that_is_slow_is_read_until_it_may_be_behind_its_bound() -> None:
    world = following()
    world.mysql.answer = Slow("timed out")
    world.pass_time(3)
    assert world.short() == ("none", False, False, False)
    assert world.serves() == ["replica", "stale"]
    # The primary writes on: what was executed here is as old as the last look.
    world.primary_says(f"{UUID}:1-9")
    world.pass_time(6)
    assert world.serves() == ["stale"]
    world.pass_time(PATIENCE)
    assert world.serves() == []


def test_a_primary_that_may_not_open_yet_is_read() -> None:
    world = World(CLOSED)
    world.point("db-1")
    assert world.short() == ("none", False, False, False)
    world.speak(holds="yes")
    assert world.short() == ("none", False, False, True)
    world.speak(holds="no")
    assert world.short() == ("none", False, False, False)
    world.speak(holds="yes")
    world.point("db-2", 4)
    assert world.short() == ("none", False, False, False)


def test_a_fenced_server_says_so() -> None:
    world = following()
    world.speak(fenced="has transactions that db-2 lacks: x")
    said = world.watch.state()
    assert (said.role, said.fenced) == ("fenced", "has transactions that db-2 lacks: x")
    assert not said.stale
    world.pass_time(0.5)
    assert not world.watch.state().replica


def test_before_the_first_answer_it_is_none() -> None:
    said = World().watch.state()
    assert (said.role, said.writable, said.stale, said.error) == ("none", False, False, "not asked yet")


def test_the_client_that_is_not_installed_yet_is_waited_for() -> None:
    world = World()
    world.watch.poll_mysql()
    assert world.watch.state().error == "not asked yet"


def test_what_the_database_program_says_is_as_old_as_it_is_when_asked() -> None:
    world = World(CLOSED)
    world.speak()
    world.clock.seconds += 2
    said = world.watch.state()
    assert (said.epoch, said.holds) == (Epoch(3, "n3"), "yes")
    assert said.member is not None
    assert (said.member.age, said.member.opened, said.member.waiting) == (2.5, Epoch(2, "n2"), "for db-2")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "{}", '{"at": "x"}', '{"at": true}', '{"at": 1}', '{"at": 1, "closed": 5}', pytest.param("[" * 100_000, id="deep")]
)
def test_what_the_database_program_says_ends_nothing_when_it_is_bad(text: str) -> None:
    world = World(CLOSED)
    world.files.texts[places.MEMBER] = text
    said = world.watch.state()
    assert (said.epoch, said.holds, said.fenced, said.member) == (None, None, None, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '"x"', '{"primary": 5}'])
def test_a_pointer_that_is_no_pointer_ends_nothing(text: str) -> None:
    world = World(REPLICA)
    world.files.texts[places.PRIMARY_POINTER] = text
    world.watch.ask_primary()
    assert world.short() == ("replica", False, False, True)


@pytest.mark.parametrize("seed", range(100))
def test_never_primary_and_replica_at_once(seed: int) -> None:
    draw = random.Random(seed)
    world = World(CLOSED)
    world.point(draw.choice(["db-1", "db-2"]))
    world.primary_says(f"{UUID}:1-5")
    for _ in range(50):
        read_only, super_read_only, receiving, applying = (draw.random() < 0.7 for _ in range(4))
        looks: list[Look | Failed] = [
            Look(read_only, super_read_only, f"{UUID}:1-5", "", receiving, applying),
            Failed("away"),
            Slow("timed out"),
            REPLICA,
            REPLICA,
        ]
        world.mysql.answer = draw.choice(looks)
        world.speak(fenced=draw.choice([None, None, "x"]), at=world.clock.now())
        world.pass_time(draw.choice([0.5, 1, 3]))
        said = world.watch.state()
        assert not (said.writable and said.stale)
        assert said.stale or not said.replica
        serves = world.serves()
        assert not ("primary" in serves and "stale" in serves)
        assert "stale" in serves or "replica" not in serves


def test_an_agent_that_restarts_calls_a_primary_open_by_its_first_look_though_its_database_program_restarts_too() -> None:
    world = World()
    world.point("db-1")
    # Said by a database program that has ended, and long ago.
    world.speak(at=100.0, closed=False)
    world.mysql.answer = PRIMARY
    world.watch.begin()
    assert world.serves() == ["primary"]
    # It has never spoken, as right after a boot.
    world.files.remove(places.MEMBER)
    assert world.serves() == ["primary"]


def test_an_agent_that_restarts_takes_no_replica_from_the_pool() -> None:
    world = World()
    world.point("db-2")
    world.primary_says(f"{UUID}:1-5", age=0.4)
    world.mysql.answer = REPLICA
    world.watch.begin()
    assert world.serves() == ["replica", "stale"]


def test_an_agent_that_restarts_waits_for_no_primary_that_is_silent() -> None:
    world = World()
    world.point("db-2")
    world.mysql.answer = REPLICA
    world.watch.begin()
    assert world.serves() == ["stale"]


def test_the_bound_of_lag_is_that_of_the_settings() -> None:
    world = following()
    world.primary_says(f"{UUID}:1-9")
    world.pass_time(3)
    assert world.short() == ("replica", False, True, True)

    def allow(seconds: float) -> None:
        database = {"variables": {}, "durability": "prefer", "maxLagSeconds": seconds}
        world.files.put(places.APPLIED, {"version": 2, "host": "db-1", "domain": "www.example.com", "database": database})
        world.pass_time(0.5)

    allow(1)
    assert world.short() == ("replica", False, False, True)
    allow(60)
    world.pass_time(10)
    assert world.short() == ("replica", False, True, True)
