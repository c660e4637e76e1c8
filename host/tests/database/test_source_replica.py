"""Each row of the table "What a database host does" in docs/architecture.md, as a decision."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from webinfra.database.model import (
    Accounts,
    Acknowledge,
    Action,
    Answers,
    Apply,
    Clone,
    Close,
    Decision,
    Fence,
    Follow,
    Found,
    Isolate,
    Kill,
    Leave,
    Memory,
    Open,
    Peer,
    Picture,
    Promise,
    Pull,
    Release,
    Server,
)
from webinfra.database.source_replica import decide
from webinfra.gtid import GtidSet
from webinfra.protocol import Epoch, Previous, PrimaryPointer

ONE, TWO = "00000001-0000-4000-8000-000000000000", "00000002-0000-4000-8000-000000000000"
FIRST, SECOND, THIRD = Epoch(1, "first"), Epoch(2, "b"), Epoch(3, "c")


def gtids(text: str) -> GtidSet:
    return GtidSet.parse(text)


ALL = gtids(f"{ONE}:1-9")
MORE = gtids(f"{ONE}:1-12")
# What db-2 has that nobody else has.
OWN = gtids(f"{ONE}:1-9,{TWO}:1-3")

SERVER = Server(
    uuid=ONE,
    new=False,
    read_only=True,
    super_read_only=True,
    executed=ALL,
    received=GtidSet(),
    source=None,
    receiving="OFF",
    applying=False,
    trouble="",
    acknowledged=False,
    acknowledgers=0,
    waiting=0,
)
OPENED = replace(SERVER, read_only=False, super_read_only=False, acknowledged=True, acknowledgers=1)
REPLICA = replace(SERVER, source="db-1", receiving="ON", applying=True, received=ALL)
EMPTY = replace(SERVER, new=True, executed=GtidSet())

POINTER = PrimaryPointer(SECOND, "db-1", Previous(FIRST, "db-2"), previous_known=True)
FORCED = replace(POINTER, force=True)
ELSEWHERE = PrimaryPointer(SECOND, "db-2", Previous(FIRST, "db-1"), previous_known=True)

PEER = Peer("db-2", answers=True, speaks=True, epoch=SECOND, holds="yes", executed=ALL, closed=True, opened=FIRST, at=99.9, uuid=TWO)
LEADER = replace(PEER, closed=False, writable=True, opened=SECOND)
THIRD_HOST = replace(PEER, name="db-3", opened=None, uuid="00000003-0000-4000-8000-000000000000")
BLANK = Peer("db-2", answers=True, speaks=True, epoch=SECOND, holds="no", closed=True)

MEMORY = Memory(promise=SECOND, promises=(SECOND, FIRST), closed=True)
LED = replace(MEMORY, opened=SECOND, accounts=SECOND)


def picture(pointer: PrimaryPointer | None, server: Server | None, *peers: Peer, **more: object) -> Picture:
    made = Picture(
        now=100.0,
        me="db-1",
        needs_replica=False,
        answers=Answers.YES if server else Answers.REFUSES,
        server=server,
        asked=99.99,
        pointer=pointer,
        peers=peers,
        synced=99.5,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def decided(memory: Memory, pointer: PrimaryPointer | None, server: Server | None, *peers: Peer, **more: object) -> Decision:
    return decide(picture(pointer, server, *peers, **more), memory)


def says(decision: Decision, words: str, *actions: Action) -> None:
    assert decision.waiting == words
    assert decision.actions == actions


def does(decision: Decision, *actions: Action) -> None:
    assert decision.waiting is None
    assert decision.actions == actions


ROWS: dict[str, Callable[[], None]] = {}


def row(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(test: Callable[[], None]) -> Callable[[], None]:
        assert name not in ROWS
        ROWS[name] = test
        return test

    return add


@row("There is no pointer")
def _() -> None:
    says(decided(MEMORY, None, SERVER, PEER), "no primary pointer in the channel yet")
    says(decided(MEMORY, None, OPENED, PEER), "is being closed", Close())


@row("The pointer is newer than the last one it promised")
def _() -> None:
    old = replace(MEMORY, promise=FIRST, promises=(FIRST,))
    for server in (SERVER, OPENED, None):
        decision = decided(old, POINTER, server, PEER)
        does(decision, Promise(SECOND))
        assert decision.hurry
        assert decision.memory.promise == SECOND
        assert decision.memory.promises == (SECOND, FIRST)


@row("A peer has promised a newer pointer than the channel shows here")
def _() -> None:
    newer = replace(PEER, epoch=THIRD)
    does(decided(MEMORY, POINTER, OPENED, newer), Promise(THIRD), Pull())
    after = replace(MEMORY, promise=THIRD, promises=(THIRD, SECOND))
    words = "a peer knows a newer primary pointer (3) than this host (2)"
    says(decided(after, POINTER, SERVER, newer), words, Pull())
    # Also when the peer is silent by now.
    says(decided(after, POINTER, SERVER), words, Pull())
    says(decided(after, POINTER, OPENED, newer), "is being closed", Close(), Pull())


@row("One number stands for two pointers")
def _() -> None:
    words = "two promotions used the number 2 at once: neither counts; promote again"
    for twice in (
        decided(MEMORY, replace(POINTER, epoch=Epoch(2, "x")), SERVER, PEER),
        decided(MEMORY, POINTER, SERVER, replace(PEER, epoch=Epoch(2, "x"))),
        decided(MEMORY, POINTER, SERVER, replace(PEER, conflict=True)),
    ):
        says(twice, words)
        assert twice.conflict
    assert decided(LED, POINTER, OPENED, replace(PEER, epoch=Epoch(2, "x"))).actions == (Close(),)
    # A higher number ends it.
    higher = replace(POINTER, epoch=THIRD)
    does(decided(MEMORY, higher, SERVER, replace(PEER, conflict=True)), Promise(THIRD))


@row("Another host is named, and this server is open")
def _() -> None:
    decision = decided(LED, ELSEWHERE, OPENED, PEER)
    says(decision, "is being closed", Close())
    assert decision.memory.superseded_at == 100.0
    # Semi-synchronous replication ends after that and not before: to end it answers the writes that wait.
    closed = replace(SERVER, acknowledged=True)
    assert decided(LED, ELSEWHERE, closed, LEADER).actions[0] == Acknowledge(False)


@row("… and could not be closed within 3 s")
def _() -> None:
    late = replace(LED, closed=False, superseded_at=97.0)
    says(decided(late, ELSEWHERE, OPENED, PEER), "is being closed", Kill("it could not be closed for writes within 3 s"))
    says(decided(late, ELSEWHERE, None, PEER, answers=Answers.HANGS), "is being closed", Kill("it could not be closed for writes within 3 s"))
    assert decided(replace(late, superseded_at=97.1), ELSEWHERE, OPENED, PEER).actions == (Close(),)


@row("… and MySQL is down, or hangs and was closed")
def _() -> None:
    says(decided(replace(LED, closed=False), ELSEWHERE, None, PEER), "MySQL does not answer")
    # To kill one that answers with an error would not make it answer.
    says(decided(replace(LED, closed=False, superseded_at=1.0), ELSEWHERE, None, PEER, answers=Answers.FAILS), "MySQL answers with an error", Close())
    says(decided(replace(LED, closed=True, superseded_at=1.0), ELSEWHERE, None, PEER, answers=Answers.HANGS), "MySQL does not answer")


@row("It is named, and MySQL does not answer")
def _() -> None:
    says(decided(LED, POINTER, None, PEER, answers=Answers.HANGS), "MySQL does not answer")


@row("It is named, and the channel was not read since the host booted")
def _() -> None:
    says(decided(MEMORY, POINTER, SERVER, PEER, synced=None), "the channel was not read since this host booted: the pointer may be an old one")


@row("… the channel is away, and a peer is silent")
def _() -> None:
    silent = replace(PEER, answers=False)
    words = "the channel cannot be read and db-2 does not answer: another server may be the primary by now"
    says(decided(LED, POINTER, SERVER, silent, synced=89.0), words)
    assert decided(LED, POINTER, SERVER, PEER, synced=89.0).actions == (Acknowledge(True), Open(POINTER))


@row("… it is fenced")
def _() -> None:
    fenced = replace(MEMORY, fence=Fence("x:1", "db-2"))
    words = "fenced: has transactions that db-2 lacks: x:1; promote a host that has all"
    says(decided(fenced, POINTER, SERVER, PEER), words)
    says(decided(fenced, FORCED, SERVER, replace(PEER, answers=False)), words)


@row("… a peer takes writes, or is about to")
def _() -> None:
    for peer in (replace(PEER, writable=True), replace(PEER, closed=False)):
        for pointer in (POINTER, FORCED):
            says(decided(MEMORY, pointer, SERVER, peer), "db-2 still takes writes")


@row("… it is empty, and another host holds the data")
def _() -> None:
    words = "this server is empty while db-2 holds the site's data: one of those must be the primary"
    says(decided(MEMORY, POINTER, EMPTY, PEER), words)
    says(decided(MEMORY, FORCED, EMPTY, PEER), words)


@row("… it is empty, and another host does not say what it has")
def _() -> None:
    words = "this server is empty while db-2 does not say what it has: it may hold the site's data"
    for peer in (Peer("db-2", answers=False), replace(BLANK, holds=None), replace(BLANK, answers=False)):
        says(decided(MEMORY, POINTER, EMPTY, peer), words)
    says(
        decided(MEMORY, POINTER, EMPTY, BLANK, unknown=("inventory/x.json",)),
        "this server is empty, and inventory/x.json of the inventory cannot be read: it may be a host that holds the site's data",
    )


@row("… all are empty")
def _() -> None:
    says(decided(MEMORY, POINTER, EMPTY, BLANK), "the site's accounts are being made", Found(SECOND))


@row("… the one before it does not answer, or has not said what it has")
def _() -> None:
    gone = ": if it is gone for good, promote with force"
    says(decided(MEMORY, POINTER, SERVER, replace(PEER, answers=False), THIRD_HOST), f"db-2 cannot be asked what it has{gone}")
    says(decided(MEMORY, POINTER, SERVER, replace(PEER, epoch=None, holds=None), THIRD_HOST), f"db-2 has not said yet what it has{gone}")
    says(decided(MEMORY, POINTER, SERVER, replace(PEER, down=True, closed=False)), f"MySQL of db-2 is down, and what it has cannot be told{gone}")
    says(decided(MEMORY, replace(POINTER, previous=Previous(FIRST, "db-9")), SERVER, PEER), f"db-9 cannot be asked what it has{gone}")


@row("… the one before it does not know this pointer yet")
def _() -> None:
    behind = replace(PEER, epoch=FIRST)
    says(decided(MEMORY, POINTER, SERVER, behind), "db-2 does not know this pointer yet: if it is gone for good, promote with force")
    says(decided(MEMORY, FORCED, SERVER, behind), "db-2 does not know this pointer yet")


@row("… the one before it is closed, and nothing is missing here")
def _() -> None:
    does(decided(MEMORY, POINTER, SERVER, PEER), Acknowledge(True), Open(POINTER))
    # Others need not answer: they never were open.
    does(decided(MEMORY, POINTER, REPLICA, PEER, replace(THIRD_HOST, answers=False)), Leave(), Acknowledge(True), Open(POINTER))


@row("… an unfenced peer has what is missing here")
def _() -> None:
    words = f"db-2 has what this server lacks: {ONE}:10-12"
    says(decided(MEMORY, POINTER, SERVER, replace(PEER, executed=MORE)), words, Follow("db-2"))
    says(decided(MEMORY, POINTER, SERVER, replace(PEER, received=MORE)), words, Follow("db-2"))
    third = replace(THIRD_HOST, executed=MORE)
    says(decided(MEMORY, POINTER, SERVER, PEER, third), f"db-3 has what this server lacks: {ONE}:10-12", Follow("db-3"))
    # Whatever its own replication settings are, also with force, and also when it was open by this pointer before.
    says(decided(LED, FORCED, REPLICA, replace(PEER, executed=MORE)), words, Follow("db-2"))
    # Silent by now, but it said so before.
    says(decided(LED, POINTER, SERVER, replace(PEER, executed=MORE, answers=False)), words)
    fenced = replace(PEER, executed=OWN, fenced=True)
    does(decided(LED, POINTER, SERVER, fenced), Acknowledge(True), Open(POINTER))


@row("… it is not known who was open before")
def _() -> None:
    gone = ": if it is gone for good, promote with force"
    never = replace(PEER, opened=None)
    silent = replace(THIRD_HOST, answers=False)
    for pointer in (POINTER, replace(POINTER, previous=None), replace(POINTER, previous=None, previous_known=False)):
        says(decided(MEMORY, pointer, SERVER, never, silent), f"db-3 cannot be asked what it has{gone}")
        does(decided(MEMORY, pointer, SERVER, never, THIRD_HOST), Acknowledge(True), Open(pointer))
    # The pointer before never came to anything, and by the one before that this very server was open.
    back = PrimaryPointer(THIRD, "db-1", Previous(SECOND, "db-2"), previous_known=True)
    mine = Memory(promise=THIRD, promises=(THIRD, SECOND, FIRST), opened=FIRST, closed=True)
    does(decided(mine, back, SERVER, replace(never, epoch=THIRD), silent), Acknowledge(True), Open(back))
    says(
        decided(replace(mine, promises=(THIRD, FIRST)), back, SERVER, replace(never, epoch=THIRD), silent), f"db-3 cannot be asked what it has{gone}"
    )


@row("… with force, and the one before it is silent")
def _() -> None:
    does(decided(MEMORY, FORCED, SERVER, replace(PEER, answers=False), THIRD_HOST), Acknowledge(True), Open(FORCED))
    does(decided(MEMORY, FORCED, SERVER, replace(PEER, answers=False, executed=MORE)), Acknowledge(True), Open(FORCED))
    down = replace(PEER, down=True, closed=False)
    does(decided(MEMORY, FORCED, SERVER, down), Acknowledge(True), Open(FORCED))


@row("… with force, and the one before it answers and sends nothing for 10 s")
def _() -> None:
    there = replace(PEER, executed=MORE)
    trying = replace(SERVER, source="db-2", receiving="CONNECTING", applying=True)
    words = f"db-2 has what this server lacks: {ONE}:10-12"
    first = decided(MEMORY, FORCED, trying, there)
    says(first, words)
    assert first.memory.dry_since == 100.0
    says(decided(replace(MEMORY, dry_since=90.5), FORCED, trying, there), words)
    opens = decided(replace(MEMORY, dry_since=89.5), FORCED, trying, there)
    does(opens, Leave(), Acknowledge(True), Open(FORCED))
    # Leaving a source that is cut off takes longer than the look is good for: it opens at the next one, and does not follow once more.
    does(decided(opens.memory, FORCED, replace(SERVER, acknowledged=True), there), Open(FORCED))
    assert decided(replace(opens.memory, opened=SECOND), FORCED, OPENED, there).memory.dry_since is None
    # The next pointer has not waited yet.
    newer = replace(FORCED, epoch=THIRD)
    assert decided(opens.memory, newer, trying, there).memory.dry_since is None
    # It arrives: then it is waited for.
    arriving = decided(replace(MEMORY, dry_since=89.5), FORCED, replace(trying, receiving="ON"), there)
    says(arriving, words)
    assert arriving.memory.dry_since is None
    # What arrives from another host is not what is waited for.
    elsewhere = replace(trying, source="db-3", receiving="ON")
    down = replace(there, down=True, closed=False)
    does(decided(replace(MEMORY, dry_since=89.5), FORCED, elsewhere, down, THIRD_HOST), Leave(), Acknowledge(True), Open(FORCED))
    # Nobody's word gives up what a third host holds.
    third = replace(THIRD_HOST, executed=MORE)
    says(decided(replace(MEMORY, dry_since=1.0), FORCED, SERVER, PEER, third), f"db-3 has what this server lacks: {ONE}:10-12", Follow("db-3"))


@row("… what it received is not applied")
def _() -> None:
    behind = replace(REPLICA, received=MORE, applying=False, receiving="OFF")
    says(decided(MEMORY, POINTER, behind, PEER), "applying what db-1 sent", Apply())
    says(decided(MEMORY, POINTER, replace(behind, applying=True), PEER), "applying what db-1 sent")


@row("… it was open by this very pointer")
def _() -> None:
    does(decided(LED, POINTER, SERVER, replace(PEER, answers=False)), Acknowledge(True), Open(POINTER))
    does(decided(LED, POINTER, SERVER), Open(POINTER))


@row("… durability `require`, and no replica is there")
def _() -> None:
    words = "closed until a replica is there to acknowledge writes (durability: require)"
    says(decided(LED, POINTER, SERVER, PEER, needs_replica=True), words, Acknowledge(True))
    does(decided(LED, POINTER, replace(SERVER, acknowledged=True, acknowledgers=1), PEER, needs_replica=True), Open(POINTER))


@row("… and the one before it, which was given up, answers")
def _() -> None:
    words = "closed until a replica is there to acknowledge writes (durability: require)"
    there, gave_up = replace(PEER, executed=MORE), replace(MEMORY, dry_since=1.0)
    says(decided(gave_up, FORCED, SERVER, there, needs_replica=True), words, Acknowledge(True), Follow("db-2"))
    trying = replace(SERVER, source="db-2", receiving="CONNECTING", applying=True, acknowledged=True)
    says(decided(gave_up, FORCED, trying, there, needs_replica=True), words)
    says(decided(gave_up, FORCED, replace(trying, receiving="ON"), there, needs_replica=True), f"db-2 has what this server lacks: {ONE}:10-12")
    # Somebody else acknowledges meanwhile: what was given up is given up.
    does(decided(gave_up, FORCED, replace(trying, acknowledgers=1), there, THIRD_HOST, needs_replica=True), Leave(), Open(FORCED))
    # It is silent, or has nothing more: there is nothing to fetch.
    for other in (replace(there, answers=False), PEER):
        says(decided(gave_up, FORCED, trying, other, needs_replica=True), words, Leave())


@row("It is open by this pointer")
def _() -> None:
    does(decided(LED, POINTER, OPENED, PEER))
    does(decided(replace(LED, accounts=None), POINTER, OPENED, PEER), Accounts(SECOND))
    alone = replace(OPENED, acknowledgers=0)
    does(decided(replace(LED, accounts=None), POINTER, alone, PEER), Accounts(SECOND))
    does(decided(replace(LED, accounts=None), POINTER, alone, PEER, needs_replica=True))
    does(decided(LED, POINTER, replace(OPENED, acknowledged=False), PEER), Acknowledge(True))
    does(decided(LED, POINTER, OPENED), Acknowledge(False))
    # To switch it off would answer the writes that wait.
    does(decided(LED, POINTER, OPENED, needs_replica=True))


@pytest.mark.parametrize("peer", [PEER, replace(PEER, answers=False)])
@pytest.mark.parametrize("needs_replica", [False, True])
def test_a_program_that_restarts_leaves_an_open_server_open(peer: Peer, needs_replica: bool) -> None:
    # As it is when the host package is replaced: all that it knows is what it kept on the disk, and it has heard no peer yet.
    kept = Memory(promise=SECOND, promises=(SECOND, FIRST), opened=SECOND)
    actions = decided(kept, POINTER, OPENED, peer, needs_replica=needs_replica).actions
    assert not [one for one in actions if isinstance(one, Close | Kill | Leave | Fence | Isolate)]


@row("It is open by another one")
def _() -> None:
    says(decided(replace(LED, opened=FIRST), POINTER, OPENED, PEER), "is being closed", Close())


@row("It is open, its writes wait, and no replica is there")
def _() -> None:
    stuck = replace(OPENED, acknowledgers=0, waiting=2)
    words = "2 writes wait for a replica (durability: require), and none is there"
    first = decided(LED, POINTER, stuck, PEER, needs_replica=True)
    says(first, words)
    assert first.memory.stuck_at == 100.0
    says(decided(replace(LED, stuck_at=1.0), POINTER, stuck, PEER, needs_replica=True), words)


@row("… and an empty replica waits to copy it")
def _() -> None:
    stuck = replace(OPENED, acknowledgers=0, waiting=2)
    asks = replace(BLANK, wants="clone")
    kill = Kill("db-2 has to be cloned, which would wait for the writes that wait for it")
    does(decided(replace(LED, stuck_at=96.0), POINTER, stuck, asks, needs_replica=True), kill)
    assert decided(replace(LED, stuck_at=98.0), POINTER, stuck, asks, needs_replica=True).actions == ()
    assert decided(replace(LED, stuck_at=96.0), POINTER, replace(stuck, acknowledgers=1), asks, needs_replica=True).actions == ()


@row("Another host is named, and this server is empty")
def _() -> None:
    decision = decided(MEMORY, ELSEWHERE, EMPTY, LEADER)
    says(decision, "waits to copy db-2", Clone("db-2"))
    assert decision.wants == "clone"
    waits = decided(MEMORY, ELSEWHERE, EMPTY, BLANK)
    says(waits, "waits for db-2 to have the site's data")
    assert waits.wants == "clone"


@row("… and this server has nothing that the primary lacks")
def _() -> None:
    does(decided(MEMORY, ELSEWHERE, SERVER, LEADER), Follow("db-2"))
    does(decided(MEMORY, ELSEWHERE, SERVER, PEER), Follow("db-2"))
    does(decided(MEMORY, ELSEWHERE, replace(REPLICA, source="db-2"), LEADER))


@row("… and what it received from another one is not applied, and the primary lacks it")
def _() -> None:
    sent = replace(REPLICA, source="db-3", received=MORE)
    says(decided(MEMORY, ELSEWHERE, sent, LEADER), "applying what db-3 sent")
    says(decided(MEMORY, ELSEWHERE, replace(sent, applying=False), LEADER), "applying what db-3 sent", Apply())
    does(decided(MEMORY, ELSEWHERE, sent, replace(LEADER, executed=MORE)), Follow("db-2"))


@row("… and the primary, which is not open yet, lacks what it has")
def _() -> None:
    compared = replace(MEMORY, before=(99.0, MORE))
    says(
        decided(compared, ELSEWHERE, replace(SERVER, executed=MORE), replace(PEER, at=99.5)),
        f"has transactions that db-2 lacks: {ONE}:10-12 (yet)",
    )


@row("… and the primary, which has opened, lacks what it has for 5 s")
def _() -> None:
    compared = replace(MEMORY, before=(99.0, MORE))
    own = replace(SERVER, executed=MORE)
    leader = replace(LEADER, at=99.5)
    words = f"has transactions that db-2 lacks: {ONE}:10-12"
    first = decided(compared, ELSEWHERE, own, leader)
    says(first, f"{words} (yet)")
    assert first.memory.errant_since == 100.0
    fence = Fence(f"{ONE}:10-12", "db-2")
    later = decided(replace(compared, errant_since=94.9), ELSEWHERE, own, leader)
    says(later, f"fenced: {words}", Isolate(fence))
    assert later.memory.fence == fence
    # What it says of itself has to be newer than what is compared with it.
    early = decided(replace(compared, errant_since=94.9), ELSEWHERE, own, replace(leader, at=98.0))
    assert early.actions == ()
    # What the primary began itself is on its way there: it waits for an acknowledgement.
    waiting = replace(compared, before=(99.0, OWN), errant_since=94.9)
    assert decided(waiting, ELSEWHERE, replace(SERVER, executed=OWN), leader).memory.fence is None
    # Said once, and kept.
    kept = replace(compared, fence=fence, errant_since=94.9)
    says(decided(kept, ELSEWHERE, own, leader), f"fenced: {words}")


@row("… it is fenced, and the primary has all that it has")
def _() -> None:
    fenced = replace(MEMORY, fence=Fence("x:1", "db-2"))
    does(decided(fenced, ELSEWHERE, SERVER, LEADER), Release())
    says(decided(fenced, ELSEWHERE, SERVER, PEER), "fenced: has transactions that db-2 lacks: x:1")
    says(decided(fenced, ELSEWHERE, SERVER, replace(LEADER, answers=False)), "fenced: has transactions that db-2 lacks: x:1")


@row("… and the primary is silent")
def _() -> None:
    away = replace(LEADER, answers=False)
    started = replace(REPLICA, source="db-2", applying=False, receiving="OFF")
    says(decided(MEMORY, ELSEWHERE, started, away), "db-2 does not answer", Apply())
    says(decided(MEMORY, ELSEWHERE, replace(REPLICA, source="db-2"), away), "db-2 does not answer")
    says(decided(MEMORY, ELSEWHERE, SERVER, THIRD_HOST), "db-2 is no database host of the inventory")


@row("… and replication from the primary has stopped")
def _() -> None:
    stopped = replace(REPLICA, source="db-2", receiving="OFF", trouble="a duplicate key")
    tried = replace(MEMORY, started_from="db-2", started_at=96.0)
    says(decided(tried, ELSEWHERE, stopped, LEADER), "replication from db-2 stopped: a duplicate key")
    does(decided(replace(tried, started_at=94.0), ELSEWHERE, stopped, LEADER), Follow("db-2"))
    # To set the source, also the same one again, throws away what was received and is not applied.
    holds = replace(stopped, received=MORE, applying=False)
    says(decided(replace(tried, started_at=94.0), ELSEWHERE, holds, LEADER), "applying what db-2 sent", Apply())


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    ROWS[name]()


def test_every_row_of_the_documentation_is_tested() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "architecture.md").read_text()
    table = text.split("### What a database host does", 1)[1].split("\n## ", 1)[0]
    documented = [match[1].strip() for match in re.finditer(r"^\| ([^|]+?) +\|", table, re.MULTILINE)]
    assert documented[0] == "situation"
    assert [name for name in documented[1:] if not name.startswith("--")] == list(ROWS)


def test_a_replica_of_the_version_before_is_believed_without_a_promise() -> None:
    old = Peer("db-2", answers=True, speaks=False, epoch=Epoch(2), holds="yes", executed=ALL, closed=True, at=97)
    does(decided(MEMORY, POINTER, SERVER, old), Acknowledge(True), Open(POINTER))
    lead = replace(old, writable=True, closed=False)
    says(decided(MEMORY, POINTER, SERVER, lead), "db-2 still takes writes")
    does(decided(MEMORY, ELSEWHERE, SERVER, lead), Follow("db-2"))
