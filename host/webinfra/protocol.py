"""The documents that travel between hosts, the program that builds them and its command.

`core/protocol/` in the repository describes them; both sides are tested against the samples there. A document is checked where it arrives: whoever
reads one gets it whole, with its defaults, or `Refused` says what is wrong with it.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache

VERSION = 2
VERSIONS = (1, 2)
ROLES = ("loadBalancer", "webServer", "appServer", "database", "monitor")
CONVERGE = ("running", "failed", "done")
DATABASE_ROLES = ("primary", "replica", "fenced", "none")

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NONCE = re.compile(r"[0-9a-z]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MYSQL_VARIABLE = re.compile(r"[a-z][a-z0-9_.]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST = 2**53 - 1


class Refused(Exception):
    """A document that cannot be used, and why."""


@dataclass(frozen=True, order=True)
class Epoch:
    """Which pointer is the newer one. Two with one number and two nonces are a conflict, because not every channel can compare and set."""

    number: int
    nonce: str = ""

    def clashes(self, other: "Epoch") -> bool:
        """Whether both claim one number. A host of the version before knows no nonce, and clashes with nobody."""
        return self.number == other.number and self.nonce != other.nonce and "" not in (self.nonce, other.nonce)


@dataclass(frozen=True)
class Previous:
    """The pointer that another one replaced."""

    epoch: Epoch
    primary: str


@dataclass(frozen=True)
class PrimaryPointer:
    """Who may take writes."""

    epoch: Epoch
    primary: str
    previous: Previous | None = None
    # False: written by the version before, which did not say.
    previous_known: bool = False
    # The primary before is gone for good: an operator's word.
    force: bool = False


@dataclass(frozen=True)
class ReleasePointer:
    """The release to run, a SHA-256."""

    release: str
    # What ran before, the last one first.
    previous: tuple[str, ...] = ()
    # It serves as soon as it is healthy, and need not stay so for a while.
    quick: bool = False


@dataclass(frozen=True)
class HostPointer:
    """The host package to run, a SHA-256."""

    package: str


@dataclass(frozen=True)
class Entry:
    """A machine of the inventory."""

    machine: str
    name: str
    roles: tuple[str, ...]
    address: str
    standby: bool = False


@dataclass(frozen=True)
class Member:
    """What a database program says of itself. `executed`, `received` and `closed` are of one look, taken after the promise that comes with them."""

    closed: bool
    opened: Epoch | None
    executed: str
    received: str
    wants: str | None
    waiting: str | None
    alone: str | None
    conflict: bool
    # Seconds since that look.
    age: float
    # Its MySQL does not run; what it had executed is of an earlier look then.
    down: bool = False
    # MySQL's own, which its transactions carry.
    uuid: str | None = None


@dataclass(frozen=True)
class DatabaseState:
    """What a database host says of its database."""

    role: str
    writable: bool
    # Of the newest pointer that it promised to honour: it never opens by an older one.
    epoch: Epoch | None
    # "yes" or "no"; None: not known yet.
    holds: str | None
    executed: str
    received: str
    fenced: str | None
    # None: it has not spoken since the host booted, or is of the version before.
    member: Member | None
    # False: of the version before.
    speaks: bool
    # May be read as a replica within the bound of lag; may be read at all.
    replica: bool = False
    stale: bool = False
    # Seconds; None: not a replica, or nothing to measure by yet.
    lag: float | None = None
    # Why MySQL cannot be asked.
    error: str | None = None


@dataclass(frozen=True)
class RefusedDocument:
    """A document of the channel that cannot be used; the last good one stays in use."""

    document: str
    reason: str


@dataclass(frozen=True)
class RefusedPackage:
    """A host package that was tried and was no good, and why."""

    package: str
    reason: str


@dataclass(frozen=True)
class PackageState:
    """The host package as a host sees it, by SHA-256. `good` is what it goes back to, `waiting` why it does not try the wanted one yet."""

    running: str | None
    good: str | None
    refused: RefusedPackage | None = None
    waiting: str | None = None


@dataclass(frozen=True)
class RefusedSettings:
    """Settings, by SHA-256, that could not be applied, and why."""

    settings: str
    reason: str


@dataclass(frozen=True)
class SettingsState:
    """The host's settings as it has them. `applied`: SHA-256 of those in force, empty while none are. `pending`: what of them takes effect later."""

    applied: str
    refused: RefusedSettings | None = None
    # Why the newest are not applied yet, though they may be.
    waiting: str | None = None
    pending: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApplicationState:
    """A release of the application that was started and is not healthy, and why. `final`: there is nothing to wait for."""

    release: str
    reason: str
    final: bool = False


@dataclass(frozen=True)
class DatabaseSettings:
    # As MySQL's configuration has them.
    variables: Mapping[str, str]
    # A write waits for a replica, however long (durability `require`).
    needs_replica: bool
    max_lag: float


@dataclass(frozen=True)
class HostSettings:
    """What of a host may change while it lives."""

    host: str
    domain: str
    # The application's environment, without what is sealed; None: the host runs none.
    environment: Mapping[str, str] | None
    # None: no database host.
    database: DatabaseSettings | None
    # An age file that holds what is secret; None: nothing is.
    sealed: str | None


@dataclass(frozen=True)
class State:
    """What a host's agent answers."""

    # Empty until the host knows it.
    machine: str
    name: str
    database: DatabaseState | None
    roles: tuple[str, ...] = ()
    converge: str = "running"
    step: str | None = None
    healthy: bool = False
    error: str | None = None
    # Empty: none runs yet; None: a host that runs none.
    release: str | None = None
    # None: nothing is wrong with it, or the host does not say.
    application: ApplicationState | None = None
    refused: tuple[RefusedDocument, ...] = ()
    # None: of before there was one.
    package: PackageState | None = None
    # None: of before there were settings that change in place.
    settings: SettingsState | None = None
    # The definition that it was made from, a SHA-256; None: it does not say.
    definition: str | None = None


Object = Mapping[str, object]


def _object(value: object, where: str) -> Object:
    if not isinstance(value, dict):
        raise Refused(f"{where} must be an object, and is {_shown(value)}")
    return value


def _shown(value: object) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deep"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wrong(where: str, right: str, value: object) -> Refused:
    return Refused(f"{where} must be {right}, and is {_shown(value)}")


def _text(holder: Object, key: str, right: str = "a text that is not empty") -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(key, right, value)
    return value


def _string(holder: Object, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str):
        raise _wrong(key, "a text", value)
    return value


def _optional(holder: Object, key: str) -> str | None:
    return None if holder.get(key) is None else _string(holder, key)


def _word(holder: Object, key: str, words: tuple[str, ...]) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or value not in words:
        raise _wrong(key, f"one of {', '.join(words)}", value)
    return value


def _word_or_none(holder: Object, key: str, words: tuple[str, ...]) -> str | None:
    return None if holder.get(key) is None else _word(holder, key, words)


def _seconds(holder: Object, key: str) -> float:
    value = holder.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise _wrong(key, "a number of seconds", value)
    return float(value)


def _roles(holder: Object) -> tuple[str, ...]:
    value = holder.get("roles")
    if not isinstance(value, list) or not value or any(role not in ROLES for role in value):
        raise _wrong("roles", f"a list of roles ({', '.join(ROLES)})", value)
    return tuple(value)


def _flag(holder: Object, key: str, *, default: bool | None = None) -> bool:
    value = holder.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false", value)
    return value


def _host(holder: Object, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _wrong(key, "the name of a host, such as db-1", value)
    return value


def _number(holder: Object, key: str) -> int:
    value = holder.get(key)
    # JSON writes 5.0 for 5 in some languages.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(whole, int) or isinstance(whole, bool) or not 1 <= whole <= _LARGEST:
        raise _wrong(key, f"a whole number from 1 to {_LARGEST}", value)
    return whole


def _nonce(holder: Object, key: str, version: int) -> str:
    value = holder.get(key)
    if version == 1 and value is None:
        return ""
    if not isinstance(value, str) or not _NONCE.fullmatch(value):
        raise _wrong(key, "1 to 64 letters (a-z) and digits", value)
    return value


def _sha256(holder: Object, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise _wrong(key, "a SHA-256 in 64 lower-case hexadecimal digits", value)
    return value


def _releases(holder: Object, key: str) -> tuple[str, ...]:
    value = holder.get(key, [])
    if not isinstance(value, list):
        raise _wrong(key, "a list of releases", value)
    for release in value:
        if not isinstance(release, str) or not _SHA256.fullmatch(release):
            raise _wrong(key, "a list of SHA-256 in 64 lower-case hexadecimal digits", release)
    return tuple(value)


def _document(text: str) -> tuple[Object, int]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"is not JSON: {error}") from error
    document = _object(value, "the document")
    version = document.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version not in VERSIONS:
        raise Refused(f"version {_shown(version)} is none that this program knows ({', '.join(map(str, VERSIONS))})")
    return document, version


@lru_cache(maxsize=8)
def parse_primary_pointer(text: str) -> PrimaryPointer:
    document, version = _document(text)
    epoch = Epoch(_number(document, "epoch"), _nonce(document, "nonce", version))
    known = "previous" in document
    previous: Previous | None = None
    if document.get("previous") is not None:
        before = _object(document["previous"], "previous")
        # What it replaced may have been written by the version before, which has no nonce.
        nonce = "" if before.get("nonce") == "" else _nonce(before, "nonce", 2)
        previous = Previous(Epoch(_number(before, "epoch"), nonce), _host(before, "primary"))
    return PrimaryPointer(epoch, _host(document, "primary"), previous, known, _flag(document, "force", default=False))


def parse_release_pointer(text: str) -> ReleasePointer:
    document, _ = _document(text)
    return ReleasePointer(_sha256(document, "release"), _releases(document, "previous"), _flag(document, "quick", default=False))


def parse_host_pointer(text: str) -> HostPointer:
    document, _ = _document(text)
    return HostPointer(_sha256(document, "package"))


def _texts(holder: Object, key: str, name: re.Pattern[str]) -> Mapping[str, str]:
    value = holder.get(key)
    if not isinstance(value, dict) or not all(isinstance(text, str) and name.fullmatch(one) for one, text in value.items()):
        raise Refused(f"{key} must be an object of names and texts")
    return value


def _domain(holder: Object) -> str:
    value = holder.get("domain")
    if not isinstance(value, str) or not _DOMAIN.fullmatch(value):
        raise _wrong("domain", "a domain name, such as www.foobar.com", value)
    return value


def _database_settings(value: object) -> DatabaseSettings:
    given = _object(value, "database")
    variables = _texts(given, "variables", _MYSQL_VARIABLE)
    if any("\n" in text for text in variables.values()):
        raise Refused("each of variables must be one line")
    most = given.get("maxLagSeconds")
    if not isinstance(most, int | float) or isinstance(most, bool) or most <= 0:
        raise _wrong("maxLagSeconds", "a number of seconds above 0", most)
    return DatabaseSettings(variables, _word(given, "durability", ("prefer", "require")) == "require", float(most))


def parse_environment(value: object) -> Mapping[str, str]:
    """The variables in an object with `environment`. What is wrong is never shown: it may be secret."""
    if not isinstance(value, dict):
        raise Refused("the environment must be in an object")
    return _texts(value, "environment", _VARIABLE)


# Programs ask for them again and again.
@lru_cache(maxsize=8)
def parse_host_settings(text: str) -> HostSettings:
    document, _ = _document(text)
    application = document.get("application")
    return HostSettings(
        host=_host(document, "host"),
        domain=_domain(document),
        environment=None if application is None else parse_environment(application),
        database=None if document.get("database") is None else _database_settings(document["database"]),
        sealed=_optional(document, "sealed"),
    )


# Hosts read the same entries again and again.
@lru_cache(maxsize=256)
def parse_entry(text: str) -> Entry:
    document, _ = _document(text)
    address = document.get("address")
    try:
        # Also accepts a number, which is no address here.
        ipaddress.IPv4Address(address if isinstance(address, str) else "")
    except ValueError as error:
        raise _wrong("address", "an IPv4 address", address) from error
    return Entry(_text(document, "machine"), _host(document, "name"), _roles(document), str(address), _flag(document, "standby", default=False))


def parse_epoch(holder: Object, number: str, nonce: str) -> Epoch | None:
    """The pair under two keys; None when there is no number. A pointer of the version before has no nonce."""
    said = holder.get(nonce)
    pair_nonce = "" if said in (None, "") else _nonce(holder, nonce, 2)
    return None if holder.get(number) is None else Epoch(_number(holder, number), pair_nonce)


def parse_holds(holder: Object) -> str | None:
    """Whether a server has the site's data; None: not known yet."""
    return _word_or_none(holder, "holds", ("yes", "no"))


def parse_fenced(holder: Object) -> str | None:
    """Why a server is fenced; None: it is not."""
    return _optional(holder, "fenced")


def parse_member(value: object) -> Member:
    """What a database program says of itself."""
    member = _object(value, "member")
    return Member(
        closed=_flag(member, "closed"),
        opened=parse_epoch(member, "opened", "openedNonce"),
        executed=_string(member, "executed"),
        received=_string(member, "received"),
        wants=_word_or_none(member, "wants", ("clone",)),
        waiting=_optional(member, "waiting"),
        alone=_optional(member, "alone"),
        conflict=_flag(member, "conflict", default=False),
        down=_flag(member, "down", default=False),
        uuid=_optional(member, "uuid"),
        age=_seconds(member, "ageSeconds"),
    )


def _database(value: object, version: int) -> DatabaseState:
    said = _object(value, "database")
    return DatabaseState(
        role=_word(said, "role", DATABASE_ROLES),
        writable=_flag(said, "writable"),
        epoch=parse_epoch(said, "epoch", "nonce"),
        holds=parse_holds(said),
        executed=_string(said, "executed"),
        received=_string(said, "received"),
        fenced=parse_fenced(said),
        member=None if said.get("member") is None else parse_member(said["member"]),
        speaks=version >= 2,
        replica=_flag(said, "replica"),
        stale=_flag(said, "stale"),
        lag=None if said.get("lagSeconds") is None else _seconds(said, "lagSeconds"),
        error=_optional(said, "error"),
    )


def _refused(value: object) -> RefusedDocument:
    one = _object(value, "each of refused")
    return RefusedDocument(_text(one, "document"), _text(one, "reason"))


def parse_refused(value: object) -> tuple[RefusedDocument, ...]:
    """The list of documents that a host refused."""
    if not isinstance(value, list):
        raise _wrong("refused", "a list", value)
    return tuple(_refused(one) for one in value)


def parse_refused_package(value: object) -> RefusedPackage:
    """The host package that a host went back from."""
    one = _object(value, "refused")
    return RefusedPackage(_string(one, "package"), _string(one, "reason"))


def _package(value: object) -> PackageState:
    said = _object(value, "package")
    return PackageState(
        running=_optional(said, "running"),
        good=_optional(said, "good"),
        refused=None if said.get("refused") is None else parse_refused_package(said["refused"]),
        waiting=_optional(said, "waiting"),
    )


def _application(value: object) -> ApplicationState:
    said = _object(value, "application")
    return ApplicationState(_string(said, "release"), _string(said, "reason"), _flag(said, "final", default=False))


def parse_refused_settings(value: object) -> RefusedSettings:
    """The settings that a host could not apply."""
    one = _object(value, "refused")
    return RefusedSettings(_string(one, "settings"), _string(one, "reason"))


def parse_settings_state(value: object) -> SettingsState:
    """What a host says of its settings."""
    said = _object(value, "settings")
    pending = said.get("pending", [])
    if not isinstance(pending, list) or not all(isinstance(one, str) for one in pending):
        raise _wrong("pending", "a list of texts", pending)
    return SettingsState(
        applied=_string(said, "applied"),
        refused=None if said.get("refused") is None else parse_refused_settings(said["refused"]),
        waiting=_optional(said, "waiting"),
        pending=tuple(pending),
    )


def parse_state(text: str) -> State:
    document, version = _document(text)
    return State(
        machine=_string(document, "machine"),
        name=_host(document, "name"),
        database=None if document.get("database") is None else _database(document["database"], version),
        roles=_roles(document),
        converge=_word(document, "converge", CONVERGE),
        step=_optional(document, "step"),
        healthy=_flag(document, "healthy"),
        error=_optional(document, "error"),
        release=_optional(document, "release"),
        application=None if document.get("application") is None else _application(document["application"]),
        refused=() if document.get("refused") is None else parse_refused(document["refused"]),
        package=None if document.get("package") is None else _package(document["package"]),
        settings=None if document.get("settings") is None else parse_settings_state(document["settings"]),
        definition=_optional(document, "definition"),
    )


def _pair(epoch: Epoch | None, number: str, nonce: str) -> Object:
    return {number: None if epoch is None else epoch.number, nonce: None if epoch is None else epoch.nonce}


def _written_member(member: Member) -> Object:
    return {
        "closed": member.closed,
        **_pair(member.opened, "opened", "openedNonce"),
        "executed": member.executed,
        "received": member.received,
        "wants": member.wants,
        "waiting": member.waiting,
        "alone": member.alone,
        "conflict": member.conflict,
        "down": member.down,
        "uuid": member.uuid,
        "ageSeconds": round(member.age, 3),
    }


def _written_database(database: DatabaseState) -> Object:
    return {
        "role": database.role,
        "writable": database.writable,
        "replica": database.replica,
        "stale": database.stale,
        "lagSeconds": None if database.lag is None else round(database.lag, 3),
        "fenced": database.fenced,
        "error": database.error,
        **_pair(database.epoch, "epoch", "nonce"),
        "holds": database.holds,
        "executed": database.executed,
        "received": database.received,
        "member": None if database.member is None else _written_member(database.member),
    }


def write_state(state: State) -> str:
    written = {
        "version": VERSION,
        "machine": state.machine,
        "name": state.name,
        "roles": state.roles,
        "converge": state.converge,
        "step": state.step,
        "healthy": state.healthy,
        "error": state.error,
        "refused": [{"document": one.document, "reason": one.reason} for one in state.refused],
        "package": None if state.package is None else asdict(state.package),
        **({} if state.settings is None else {"settings": asdict(state.settings)}),
        "definition": state.definition,
        **({} if state.release is None else {"release": state.release}),
        **({} if state.application is None else {"application": asdict(state.application)}),
        **({} if state.database is None else {"database": _written_database(state.database)}),
    }
    return json.dumps(written) + "\n"
