"""One look at this host's server, its peers and the pointer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from webinfra import places
from webinfra.clock import Clock
from webinfra.files import Files
from webinfra.gtid import GtidSet
from webinfra.protocol import DatabaseState, Entry, Epoch, PrimaryPointer, Refused, State, parse_entry, parse_primary_pointer, parse_state
from webinfra.settings import live

from .model import Answers, Fence, Memory, Peer, Picture, Server
from .mysql import LOOK, TROUBLE, MySQLFailed, Row

# Seconds: what a look at MySQL may take, and how old a peer's answer may be.
LOOK_SECONDS, LATELY = 2.0, 3.0


@dataclass(frozen=True)
class Settings:
    """What the program knows of its host."""

    name: str
    # Internal names end in this zone.
    zone: str
    # The application's database.
    database: str
    # Durability `require`, where the host's settings do not say it: it was made before there were any.
    needs_replica: bool


class Ask(Protocol):
    def __call__(self, address: str, seconds: float) -> str | None:
        """GET /state of a host; None when it does not answer in time."""
        ...


@dataclass(frozen=True)
class Heard:
    """What a peer said last, and when it was asked for that."""

    state: State
    at: float


class Watch:
    """Keeps asking a peer, apart from everything else: one that is silent must not hold up the others."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self.heard: dict[str, Heard] = {}

    def turn(self, name: str, address: str) -> None:
        asked = self._clock.now()
        text = self._ask(address, 1.0)
        if text is None:
            return
        try:
            state = parse_state(text)
        except Refused:
            return
        # While a machine is replaced, its address may answer for another one.
        if state.name == name:
            self.heard[name] = Heard(state, asked)


class Asked(Protocol):
    """This host's MySQL server, as a look asks it."""

    def rows(self, statement: str) -> Sequence[Row]: ...


class Peers(Protocol):
    """What is known of the other database hosts."""

    def heard(self, entries: tuple[Entry, ...]) -> Mapping[str, Heard]: ...


def database_entries(files: Files, me: str) -> tuple[Entry, ...]:
    """The other database hosts, from the last good copy of the inventory."""
    found: dict[str, Entry] = {}
    for name in files.names(places.INVENTORY):
        try:
            entry = parse_entry(files.read(f"{places.INVENTORY}/{name}") or "")
        except Refused:
            continue
        if "database" in entry.roles and entry.name != me:
            found[entry.name] = entry
    return tuple(found.values())


def pointer_of(files: Files) -> PrimaryPointer | None:
    try:
        return parse_primary_pointer(files.read(places.PRIMARY_POINTER) or "")
    except Refused:
        return None


def unknown_documents(files: Files) -> tuple[str, ...]:
    """Entries of the inventory that were refused and never were good."""
    try:
        refused: object = json.loads(files.read(places.REFUSED) or "[]")
    except ValueError:
        return ()
    known = set(files.names(places.INVENTORY))
    documents = [str(one.get("document", "")) for one in refused if isinstance(one, dict)] if isinstance(refused, list) else []
    return tuple(sorted(one for one in documents if one.startswith("inventory/") and one.removeprefix("inventory/") not in known))


def number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def peer_of(entry: Entry, heard: Heard | None, now: float) -> Peer:
    silent = Peer(entry.name, answers=heard is not None and now - heard.at <= LATELY)
    if heard is None or heard.state.database is None:
        return silent
    try:
        return speaking(silent, heard.state.database, heard.at)
    except ValueError:
        # A set that cannot be read is not an empty one.
        return silent


def speaking(peer: Peer, said: DatabaseState, at: float) -> Peer:
    """A peer with what it said; ValueError when it names a set that is none."""
    member = said.member
    peer = replace(
        peer,
        speaks=said.speaks,
        writable=said.writable,
        epoch=said.epoch,
        holds=said.holds,
        fenced=said.fenced is not None,
    )
    if member is not None:
        return replace(
            peer,
            executed=GtidSet.parse(member.executed),
            received=GtidSet.parse(member.received),
            at=at - member.age,
            closed=member.closed,
            opened=member.opened,
            down=member.down,
            uuid=member.uuid or "",
            wants=member.wants,
            conflict=member.conflict,
        )
    if said.speaks:
        # Its database program has said nothing yet: nothing of this was promised.
        return replace(peer, epoch=None, holds=None)
    # The version before answers from a look that is at most two seconds old, and promises nothing. While its MySQL does not answer it says that
    # nothing can be written, of one that hangs and is open too.
    unasked = said.error is not None
    closed = not said.writable and not unasked
    executed, received = GtidSet.parse(said.executed), GtidSet.parse(said.received)
    return replace(peer, executed=executed, received=received, at=at - 2, closed=closed, down=unasked)


def gtids(text: object) -> GtidSet:
    try:
        return GtidSet.parse(text if isinstance(text, str) else "")
    except ValueError:
        return GtidSet()


def server_of(row: Row, trouble: str) -> Server:
    source = row["source"]
    return Server(
        uuid=str(row["uuid"]),
        new=not row["accounts"],
        read_only=bool(row["read_only"]),
        super_read_only=bool(row["super_read_only"]),
        executed=gtids(row["executed"]),
        received=gtids(row["received"]),
        source=str(source).split(".", 1)[0] if source else None,
        receiving=str(row["receiving"] or "OFF"),
        applying=row["applying"] == "ON",
        trouble=trouble,
        acknowledged=bool(row["acknowledged"]),
        acknowledgers=int(str(row["acknowledgers"] or 0)),
        waiting=int(str(row["waiting"] or 0)),
    )


def look_at_server(mysql: Asked) -> tuple[Answers, Server | None]:
    try:
        row = mysql.rows(LOOK)[0]
        stopped = row["source"] and (row["receiving"] != "ON" or row["applying"] != "ON")
        words = mysql.rows(TROUBLE) if stopped else ()
        return Answers.YES, server_of(row, str(words[0]["words"]) if words else "")
    except MySQLFailed as failure:
        return (Answers.REFUSES if failure.refused else Answers.FAILS if failure.answered else Answers.HANGS), None


@dataclass(frozen=True)
class Eyes:
    """What a look is made with."""

    settings: Settings
    mysql: Asked
    peers: Peers
    files: Files
    clock: Clock


def needs_replica(eyes: Eyes) -> bool:
    """Whether writes wait for a replica, however long. It may change at any look."""
    found = live(eyes.files)
    return eyes.settings.needs_replica if found is None or found.database is None else found.database.needs_replica


def observe(eyes: Eyes) -> Picture:
    asked = eyes.clock.now()
    answers, server = look_at_server(eyes.mysql)
    # After MySQL, which takes as long as it hangs: a pointer from before that may be an old one.
    entries = database_entries(eyes.files, eyes.settings.name)
    heard = eyes.peers.heard(entries)
    now = eyes.clock.now()
    return Picture(
        now=now,
        me=eyes.settings.name,
        needs_replica=needs_replica(eyes),
        answers=answers,
        server=server,
        asked=asked,
        pointer=pointer_of(eyes.files),
        peers=tuple(peer_of(entry, heard.get(entry.name), now) for entry in entries),
        synced=number(eyes.files.read(places.SYNCED)),
        unknown=unknown_documents(eyes.files),
    )


# What is remembered on the disk


def remember(files: Files, memory: Memory) -> None:
    files.write(
        places.MEMORY,
        json.dumps(
            {
                "promises": [[epoch.number, epoch.nonce] for epoch in memory.promises],
                "opened": None if memory.opened is None else [memory.opened.number, memory.opened.nonce],
                "fence": None if memory.fence is None else {"alone": memory.fence.alone, "lacking": memory.fence.lacking},
            }
        ),
        durable=True,
    )


def remembered(files: Files) -> Memory:
    """What is on the disk; nothing when there is nothing that can be read: then every other host has to agree before this server opens."""
    try:
        kept = json.loads(files.read(places.MEMORY) or "{}")
        promises = tuple(Epoch(int(number), str(nonce)) for number, nonce in kept.get("promises", []))
        opened, fence = kept.get("opened"), kept.get("fence")
        return Memory(
            promise=promises[0] if promises else Epoch(0),
            promises=promises,
            opened=Epoch(int(opened[0]), str(opened[1])) if opened else None,
            fence=Fence(str(fence["alone"]), str(fence["lacking"])) if fence else old_fence(files),
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        return Memory(fence=old_fence(files))


def old_fence(files: Files) -> Fence | None:
    text = (files.read(places.OLD_FENCE) or "").strip()
    if not text:
        return None
    holder, _, alone = text.removeprefix("has transactions that ").partition(" lacks: ")
    return Fence(alone or text, holder or "the primary")
