"""The samples of core/protocol/ bind both sides: the TypeScript program reads the same ones."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

import pytest

from webinfra import protocol
from webinfra.protocol import DatabaseState, Entry, Epoch, HostPointer, HostSettings, Member, PrimaryPointer, Refused, ReleasePointer, State

SAMPLES = Path(__file__).parents[2] / "core/protocol/samples"
Value = dict[str, object]


class Sample(TypedDict):
    name: str
    text: str
    value: Value


class Samples(TypedDict):
    accepted: list[Sample]
    refused: list[Sample]


def pair(epoch: Epoch | None, number: str, nonce: str) -> Value:
    return {number: epoch and epoch.number, nonce: epoch and epoch.nonce}


def entry(found: Entry) -> Value:
    return {"machine": found.machine, "name": found.name, "roles": list(found.roles), "address": found.address, "standby": found.standby}


def primary(found: PrimaryPointer) -> Value:
    before = found.previous
    return {
        **pair(found.epoch, "epoch", "nonce"),
        "primary": found.primary,
        "previous": before and {**pair(before.epoch, "epoch", "nonce"), "primary": before.primary},
        "previousKnown": found.previous_known,
        "force": found.force,
    }


def release(found: ReleasePointer) -> Value:
    return {"release": found.release, "previous": list(found.previous), "quick": found.quick}


def host(found: HostPointer) -> Value:
    return {"package": found.package}


def member(found: Member) -> Value:
    return {
        "closed": found.closed,
        **pair(found.opened, "opened", "openedNonce"),
        "executed": found.executed,
        "received": found.received,
        "wants": found.wants,
        "waiting": found.waiting,
        "alone": found.alone,
        "conflict": found.conflict,
        "ageSeconds": found.age,
    }


def database(found: DatabaseState, version: object) -> Value:
    # The version before said a number alone.
    nonce = found.epoch and found.epoch.nonce if found.speaks else None
    assert found.speaks == (version == 2)
    return {
        "role": found.role,
        "writable": found.writable,
        "replica": found.replica,
        "stale": found.stale,
        "lagSeconds": found.lag,
        "fenced": found.fenced,
        "error": found.error,
        "epoch": found.epoch and found.epoch.number,
        "nonce": nonce,
        "holds": found.holds,
        "executed": found.executed,
        "received": found.received,
        "member": found.member and member(found.member),
    }


def state(found: State, version: object) -> Value:
    return {
        "machine": found.machine,
        "name": found.name,
        "roles": list(found.roles),
        "converge": found.converge,
        "step": found.step,
        "healthy": found.healthy,
        "error": found.error,
        "release": found.release,
        "application": found.application and asdict(found.application),
        "refused": [{"document": one.document, "reason": one.reason} for one in found.refused],
        "package": found.package and asdict(found.package),
        "settings": found.settings and {**asdict(found.settings), "pending": list(found.settings.pending)},
        "definition": found.definition,
        "database": found.database and database(found.database, version),
    }


def settings(found: HostSettings) -> Value:
    database = found.database
    return {
        "host": found.host,
        "domain": found.domain,
        "application": None if found.environment is None else {"environment": found.environment},
        "database": database
        and {
            "variables": database.variables,
            "durability": "require" if database.needs_replica else "prefer",
            "maxLagSeconds": database.max_lag,
        },
        "sealed": found.sealed,
    }


def read(kind: str, text: str) -> Value:
    """The whole document as JSON has it, as this side understands it."""
    match kind:
        case "inventory-entry":
            return entry(protocol.parse_entry(text))
        case "primary-pointer":
            return primary(protocol.parse_primary_pointer(text))
        case "release-pointer":
            return release(protocol.parse_release_pointer(text))
        case "host-pointer":
            return host(protocol.parse_host_pointer(text))
        case "settings":
            return settings(protocol.parse_host_settings(text))
        case _:
            return state(protocol.parse_state(text), json.loads(text).get("version", 1))


def samples(kind: str) -> Samples:
    found: Samples = json.loads((SAMPLES / f"{kind}.json").read_text())
    return found


KINDS = ("host-pointer", "inventory-entry", "primary-pointer", "release-pointer", "settings", "state")


@pytest.mark.parametrize(
    ("kind", "sample"), [pytest.param(kind, one, id=f"{kind}: {one['name']}") for kind in KINDS for one in samples(kind)["accepted"]]
)
def test_accepts(kind: str, sample: Sample) -> None:
    assert {"version": 2, **read(kind, sample["text"])} == sample["value"]


@pytest.mark.parametrize(
    ("kind", "sample"), [pytest.param(kind, one, id=f"{kind}: {one['name']}") for kind in KINDS for one in samples(kind)["refused"]]
)
def test_refuses(kind: str, sample: Sample) -> None:
    with pytest.raises(Refused):
        read(kind, sample["text"])


def test_says_what_is_wrong() -> None:
    with pytest.raises(Refused, match=r"^version 3 is none that this program knows \(1, 2\)$"):
        protocol.parse_release_pointer('{"version": 3}')
    with pytest.raises(Refused, match=r'^address must be an IPv4 address, and is "10\.0\.0"$'):
        protocol.parse_entry('{"machine": "m", "name": "a", "roles": ["database"], "address": "10.0.0"}')


def test_one_number_with_two_nonces_clashes() -> None:
    assert Epoch(5, "a").clashes(Epoch(5, "b"))
    assert not Epoch(5, "a").clashes(Epoch(5, "a"))
    assert not Epoch(5, "a").clashes(Epoch(6, "b"))
    assert not Epoch(5, "a").clashes(Epoch(5))
