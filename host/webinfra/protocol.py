"""The documents that travel between hosts, the program that builds them and its command.

`core/protocol/` in the repository describes them; both sides are tested against the samples there. A document is checked where it arrives: whoever
reads one gets it whole, with its defaults, or `Refused` says what is wrong with it.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

VERSION = 2
VERSIONS = (1, 2)
ROLES = ("loadBalancer", "webServer", "appServer", "database", "monitor")

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NONCE = re.compile(r"[0-9a-z]{1,64}")
_RELEASE = re.compile(r"[0-9a-f]{64}")
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
    # Its MySQL does not run; what it had executed is of an earlier look then.
    down: bool
    # MySQL's own, which its transactions carry.
    uuid: str | None
    # Seconds since that look.
    age: float


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


@dataclass(frozen=True)
class State:
    """What the hosts' agents answer, as far as hosts ask each other."""

    machine: str
    name: str
    database: DatabaseState | None


Object = Mapping[str, object]


def _object(value: object, where: str) -> Object:
    if not isinstance(value, dict):
        raise Refused(f"{where} must be an object, and is {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wrong(where: str, right: str, value: object) -> Refused:
    return Refused(f"{where} must be {right}, and is {_shown(value)}")


def _text(holder: Object, key: str, right: str = "a text that is not empty") -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(key, right, value)
    return value


def _string(holder: Object, key: str) -> str:
    value = holder.get(key, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(key, "a text", value)
    return value


def _optional(holder: Object, key: str) -> str | None:
    return _string(holder, key) or None


def _flag(holder: Object, key: str) -> bool:
    value = holder.get(key, False)
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
        nonce = "" if before.get("nonce") in (None, "") else _nonce(before, "nonce", 2)
        previous = Previous(Epoch(_number(before, "epoch"), nonce), _host(before, "primary"))
    return PrimaryPointer(epoch, _host(document, "primary"), previous, known, _flag(document, "force"))


def parse_release_pointer(text: str) -> ReleasePointer:
    document, _ = _document(text)
    release = document.get("release")
    if not isinstance(release, str) or not _RELEASE.fullmatch(release):
        raise _wrong("release", "a SHA-256 in 64 lower-case hexadecimal digits", release)
    return ReleasePointer(release)


# Hosts read the same entries again and again.
@lru_cache(maxsize=256)
def parse_entry(text: str) -> Entry:
    document, _ = _document(text)
    roles = document.get("roles")
    if not isinstance(roles, list) or not roles or any(role not in ROLES for role in roles):
        raise _wrong("roles", f"a list of roles ({', '.join(ROLES)})", roles)
    address = document.get("address")
    try:
        # Also accepts a number, which is no address here.
        ipaddress.IPv4Address(address if isinstance(address, str) else "")
    except ValueError as error:
        raise _wrong("address", "an IPv4 address", address) from error
    return Entry(_text(document, "machine"), _host(document, "name"), tuple(roles), str(address), _flag(document, "standby"))


def _epoch_or_none(holder: Object, number: str, nonce: str) -> Epoch | None:
    return None if holder.get(number) is None else Epoch(_number(holder, number), _string(holder, nonce))


def _member(value: object) -> Member | None:
    if value is None:
        return None
    member = _object(value, "member")
    age = member.get("ageSeconds")
    if not isinstance(age, int | float) or isinstance(age, bool) or age < 0:
        raise _wrong("ageSeconds", "a number of seconds", age)
    return Member(
        closed=_flag(member, "closed"),
        opened=_epoch_or_none(member, "opened", "openedNonce"),
        executed=_string(member, "executed"),
        received=_string(member, "received"),
        wants=_optional(member, "wants"),
        waiting=_optional(member, "waiting"),
        alone=_optional(member, "alone"),
        conflict=_flag(member, "conflict"),
        down=_flag(member, "down"),
        uuid=_optional(member, "uuid"),
        age=float(age),
    )


def parse_state(text: str) -> State:
    document, version = _document(text)
    database: DatabaseState | None = None
    if document.get("database") is not None:
        said = _object(document["database"], "database")
        database = DatabaseState(
            role=_text(said, "role"),
            writable=_flag(said, "writable"),
            epoch=_epoch_or_none(said, "epoch", "nonce"),
            holds=_optional(said, "holds"),
            executed=_string(said, "executed"),
            received=_string(said, "received"),
            fenced=_optional(said, "fenced"),
            member=_member(said.get("member")),
            speaks=version >= 2,
        )
    return State(_text(document, "machine"), _host(document, "name"), database)
