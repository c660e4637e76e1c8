"""What a decision is made from, what it may ask for, and what is remembered between two of them. Plain values, nothing is done here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from webinfra.gtid import GtidSet
from webinfra.protocol import Epoch, PrimaryPointer

NO_EPOCH = Epoch(0)


class Answers(Enum):
    """Whether MySQL can be asked."""

    YES = "yes"
    # Nothing listens: it is down, or still recovering.
    REFUSES = "refuses"
    # It takes connections and does not answer.
    HANGS = "hangs"
    # It answers with an error.
    FAILS = "fails"


@dataclass(frozen=True)
class Server:
    """This host's MySQL, in one look."""

    uuid: str
    # It never had all of the site's accounts, and so was never open: only such a one may be overwritten.
    new: bool
    # No client can write: `read_only` is on (`super_read_only` keeps out the rest).
    read_only: bool
    super_read_only: bool
    executed: GtidSet
    # What its source sent it, applied or not.
    received: GtidSet
    # The host that it replicates from.
    source: str | None
    # ON, CONNECTING (which ends by itself) or OFF.
    receiving: str
    applying: bool
    # Why replication stopped; empty when it did not.
    trouble: str
    # Commits wait for a replica's acknowledgement; replicas that would acknowledge; commits that wait now.
    acknowledged: bool
    acknowledgers: int
    waiting: int

    @property
    def closed(self) -> bool:
        return self.read_only and self.super_read_only

    @property
    def unapplied(self) -> GtidSet:
        return self.received - self.executed


@dataclass(frozen=True)
class Peer:
    """Another database host, as it last spoke."""

    name: str
    # False: it did not answer lately. All that follows is then what it said before, or blank.
    answers: bool
    # Of a host of the version before only these are known.
    speaks: bool = False
    writable: bool = False
    epoch: Epoch | None = None
    holds: str | None = None
    fenced: bool = False
    executed: GtidSet = field(default_factory=GtidSet)
    received: GtidSet = field(default_factory=GtidSet)
    # When it looked at its server, by this host's clock.
    at: float = 0.0
    closed: bool = False
    opened: Epoch | None = None
    # Its MySQL does not run. What it had executed is then as of before, and perhaps not all.
    down: bool = False
    uuid: str = ""
    wants: str | None = None
    conflict: bool = False

    @property
    def everything(self) -> GtidSet:
        """What it has, or will have when it has applied it."""
        return self.executed | self.received


@dataclass(frozen=True)
class Picture:
    """One look at everything."""

    now: float
    me: str
    # Writes wait for a replica, however long (durability `require`).
    needs_replica: bool
    answers: Answers
    # None unless MySQL answers.
    server: Server | None
    # When MySQL was asked: what peers said before this may be older than what is known here.
    asked: float
    pointer: PrimaryPointer | None
    # Every other database host of the inventory.
    peers: tuple[Peer, ...]
    # When the channel was read last; None: not since this host booted.
    synced: float | None
    # Documents of the inventory that were refused and never were good: one of them may be a database host.
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fence:
    """This server keeps to itself: it has transactions that are not of the site's line."""

    alone: str
    lacking: str

    @property
    def words(self) -> str:
        return f"has transactions that {self.lacking} lacks: {self.alone}"


@dataclass(frozen=True)
class Memory:
    """What outlives a look. The first four are on the disk, with the data."""

    # It never opens by an older pointer than this.
    promise: Epoch = NO_EPOCH
    # What it promised before, newest first.
    promises: tuple[Epoch, ...] = ()
    # The last pointer under which this data was open for writes.
    opened: Epoch | None = None
    fence: Fence | None = None
    # What follows is forgotten when the program ends.
    # The server was closed when it last answered.
    closed: bool = False
    # When it was first seen that an open server must close.
    superseded_at: float | None = None
    # When writes were first seen to wait with no replica there.
    stuck_at: float | None = None
    # When replication was last started, and from where.
    started_at: float | None = None
    started_from: str | None = None
    # Since when what a peer would have to send does not arrive.
    dry_since: float | None = None
    # What this server had executed at an earlier look, and when that was.
    before: tuple[float, GtidSet] | None = None
    # Since when the primary lacks some of it.
    errant_since: float | None = None
    # The pointer under which the accounts were last written.
    accounts: Epoch | None = None


# What a decision may ask for, in order.


@dataclass(frozen=True)
class Promise:
    """Never to open by an older pointer again."""

    epoch: Epoch


@dataclass(frozen=True)
class Close:
    pass


@dataclass(frozen=True)
class Kill:
    """MySQL is killed; systemd starts it again, closed."""

    why: str


@dataclass(frozen=True)
class Acknowledge:
    """Whether commits wait for a replica's acknowledgement."""

    wanted: bool


@dataclass(frozen=True)
class Found:
    """A new site's first server gets its accounts, and stays closed."""

    epoch: Epoch


@dataclass(frozen=True)
class Open:
    pointer: PrimaryPointer


@dataclass(frozen=True)
class Accounts:
    """The site's accounts with their passwords of now, on an open server."""

    epoch: Epoch


@dataclass(frozen=True)
class Apply:
    """Applies what was received, and receives nothing."""


@dataclass(frozen=True)
class Follow:
    """Replicates from a host."""

    host: str


@dataclass(frozen=True)
class Leave:
    """Stops to replicate, for good."""


@dataclass(frozen=True)
class Clone:
    """Copies a host's data over this new server's."""

    host: str


@dataclass(frozen=True)
class Isolate:
    """Fences this server and stops its replication."""

    fence: Fence


@dataclass(frozen=True)
class Release:
    """Takes the fence away."""


@dataclass(frozen=True)
class Pull:
    """Asks for the channel to be read at once."""


Action = Promise | Close | Kill | Acknowledge | Found | Open | Accounts | Apply | Follow | Leave | Clone | Isolate | Release | Pull


@dataclass(frozen=True)
class Decision:
    actions: tuple[Action, ...]
    memory: Memory
    # Why this server is not yet what the pointer says, in words for people.
    waiting: str | None = None
    wants: str | None = None
    conflict: bool = False
    # Something is on its way that should not wait for the next look in turn.
    hurry: bool = False


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
