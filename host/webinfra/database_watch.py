"""What the agent of a database host knows of its database: from MySQL, from the database program, and from the primary's agent."""

from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from webinfra import places
from webinfra.clock import Clock
from webinfra.files import Files
from webinfra.freshness import Freshness, Readable, Sample
from webinfra.gtid import GtidSet
from webinfra.outside import Failed, Request, Slow, Web
from webinfra.processes import stopped
from webinfra.protocol import (
    DatabaseState,
    Epoch,
    Member,
    PrimaryPointer,
    Refused,
    State,
    parse_entry,
    parse_epoch,
    parse_fenced,
    parse_holds,
    parse_member,
    parse_primary_pointer,
    parse_state,
)
from webinfra.replication import Look, MySQL
from webinfra.settings import live, read_object

# Seconds after which what MySQL said last counts for nothing.
STALE: Final = 2.0
# The same while MySQL is merely slow, for the proxies: they cut every connection to a database that is called bad.
PATIENCE: Final = 10.0
UNIT: Final = "mysql.service"
# Seconds since the look of a primary of the version before, which does not say.
UNSAID_AGE: Final = 0.5
# Seconds that a replica may be behind while nobody said how many.
MOST_LAG: Final = 5.0


@dataclass(frozen=True)
class Spoken:
    """What the database program of this host last said of itself."""

    epoch: Epoch | None = None
    holds: str | None = None
    fenced: str | None = None
    member: Member | None = None


def spoken(files: Files, now: float) -> Spoken:
    """Nothing until it has spoken since the host booted, or when that cannot be used."""
    said = read_object(files, places.MEMBER)
    at = said.get("at")
    if not isinstance(at, int | float) or isinstance(at, bool):
        return Spoken()
    try:
        member = parse_member({**said, "ageSeconds": max(0.0, now - at)})
        return Spoken(parse_epoch(said, "epoch", "nonce"), parse_holds(said), parse_fenced(said) or None, member)
    except Refused:
        return Spoken()


class DatabaseWatch:
    """Two threads renew it, one by `poll_mysql` and one by `ask_primary`; any may ask for the `state`.

    `most_lag`: the bound of lag that the host was made with, in seconds; None where its settings say it.
    """

    def __init__(self, name: str, most_lag: float | None, port: int, files: Files, clock: Clock, mysql: MySQL, web: Web) -> None:
        self._name = name
        self._port = port
        self._files = files
        self._clock = clock
        self._mysql = mysql
        self._web = web
        self._lock = Lock()
        self._freshness = Freshness()
        self._made_with = most_lag
        self._readable = Readable(self._most_lag())
        self._look: Look | None = None
        self._at = 0.0
        self._busy = False
        self._error: str | None = "not asked yet"
        self._lag: float | None = None
        self._in_pool = False

    def begin(self) -> None:
        """The first look. A replica that the last agent called readable is to be so at once: proxies cut the connections to one that is not."""
        # What the primary has is asked for first: what is here then is newer.
        with suppress(Failed):
            self.ask_primary()
        self.poll_mysql()

    def poll_mysql(self) -> None:
        try:
            look = self._mysql.look()
        except Failed as failure:
            busy = isinstance(failure, Slow) and not stopped(self._files, UNIT)
            with self._lock:
                self._error, self._busy = str(failure), busy
                self._judge()
            return
        if look is None:
            return
        with self._lock:
            self._look, self._at, self._error, self._busy = look, self._clock.now(), None, False
            self._judge()

    def ask_primary(self) -> None:
        """Learns what the primary has executed by now; Failed when it does not say."""
        pointer = self._pointer()
        if pointer is None or pointer.primary == self._name:
            return
        address = self._address(pointer.primary)
        asked = self._clock.now()
        answer = self._web.ask(Request(f"http://{address}:{self._port}/state"), seconds=2)
        try:
            sample = _sample(parse_state(answer.body), pointer.primary, asked)
        except (Refused, ValueError) as error:
            raise Failed(f"the agent of {pointer.primary} says what cannot be used: {error}") from error
        if sample is not None:
            with self._lock:
                self._freshness.saw(sample)

    def serves(self, what: str, state: DatabaseState) -> bool:
        """Whether a proxy may send here for the `primary`, a `replica` or a `stale` one; `state` is what this watch says now.

        A server that is merely slow goes on as it was.
        """
        if {"primary": state.writable, "replica": state.replica, "stale": state.stale}[what]:
            return True
        now = self._clock.now()
        with self._lock:
            look, in_pool = self._known(now), self._in_pool
        if look is None or state.fenced is not None:
            return False
        if what == "primary":
            # It was open when it last spoke, and is to be; the database program, which has connections of its own, has not closed it since.
            closed = state.member is None or state.member.closed
            return not look.read_only and not look.super_read_only and not closed and self._named()
        return _follows(look) and (what == "stale" or in_pool)

    def state(self) -> DatabaseState:
        """What is known for sure: no look that is older than STALE counts."""
        now = self._clock.now()
        said = spoken(self._files, now)
        with self._lock:
            # What it has executed is said however long ago that was: it only grows.
            look, last = self._fresh(now), self._look
            lag, in_pool, error = self._lag, self._in_pool, self._error
        primary = look is not None and not look.read_only and not look.super_read_only
        standby = _follows(look) and said.fenced is None
        # A primary that may not open yet has all that there is to read.
        closed = look is not None and look.super_read_only and self._named() and said.holds == "yes" and said.fenced is None
        return DatabaseState(
            role="primary" if primary else "fenced" if said.fenced is not None else "replica" if standby else "none",
            writable=primary,
            replica=standby and in_pool,
            stale=standby or closed,
            lag=lag if standby else None,
            fenced=said.fenced,
            error=error,
            epoch=said.epoch,
            holds=said.holds,
            executed="" if last is None else last.executed,
            received="" if last is None else last.received,
            member=said.member,
            speaks=True,
        )

    def _judge(self) -> None:
        """After each look at MySQL and no other time: what it had executed then is compared with what the primary had executed until then."""
        now = self._clock.now()
        look = self._known(now)
        if look is not None:
            try:
                self._lag = self._freshness.lag(now, GtidSet.parse(look.executed))
            except ValueError as error:
                self._lag, self._error = None, str(error)
        able = look is not None and _follows(look) and look.receiving and spoken(self._files, now).fenced is None
        self._readable.most_lag = self._most_lag()
        self._in_pool = self._readable.look(now, self._lag if able else None)

    def _most_lag(self) -> float:
        """Seconds that a replica may be behind and still be read as one. It may change at any time."""
        found = live(self._files)
        said = self._made_with if found is None or found.database is None else found.database.max_lag
        return MOST_LAG if said is None else said

    def _fresh(self, now: float) -> Look | None:
        return self._look if self._look is not None and now - self._at < STALE else None

    def _known(self, now: float) -> Look | None:
        return self._look if self._look is not None and now - self._at < (PATIENCE if self._busy else STALE) else None

    def _named(self) -> bool:
        pointer = self._pointer()
        return pointer is not None and pointer.primary == self._name

    def _pointer(self) -> PrimaryPointer | None:
        try:
            return parse_primary_pointer(self._files.read(places.PRIMARY_POINTER) or "")
        except Refused:
            return None

    def _address(self, name: str) -> str:
        for file in self._files.names(places.INVENTORY):
            try:
                entry = parse_entry(self._files.read(f"{places.INVENTORY}/{file}") or "")
            except Refused:
                continue
            if entry.name == name and "database" in entry.roles:
                return entry.address
        raise Failed(f"the inventory does not list {name}, the primary")


def _follows(look: Look | None) -> bool:
    return look is not None and look.super_read_only and look.applying


def _sample(state: State, primary: str, asked: float) -> Sample | None:
    """What a server had executed that takes writes. One that does not may itself lack what the site's last primary had."""
    database = state.database
    if state.name != primary or database is None or not database.writable:
        return None
    if database.member is None:
        return Sample(asked - UNSAID_AGE, GtidSet.parse(database.executed))
    if database.member.age > STALE:
        # Its database program is busy with something that takes long. Its agent would not call it writable by an older look than this.
        return Sample(asked - STALE, GtidSet.parse(database.executed))
    return Sample(asked - database.member.age, GtidSet.parse(database.member.executed))
