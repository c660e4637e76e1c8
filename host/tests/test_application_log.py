"""What an application that is not healthy wrote, without secrets."""

import json

import pytest

from tests.fakes import FakeCommands, MemoryFiles
from webinfra import places
from webinfra.application_log import lines, position
from webinfra.redaction import secrets, without
from webinfra.tried import Tried, last_tried

TRIED = Tried("a" * 64, "webinfra-app@green", "@1700000000.000010", "", "it ends", "end", final=False)
SETTINGS = {"version": 2, "host": "web-1", "domain": "www.example.com", "application": {"environment": {"COLOUR": "turquoise"}}}


def entry(message: object, at: int = 1_795_827_364_317_589) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": str(at), "MESSAGE": message})


def files(**more: str) -> MemoryFiles:
    found = MemoryFiles(**more)
    found.put(places.RELEASE_STATUS, {"application": TRIED.written()})
    return found


def test_is_what_it_wrote_itself_since_it_was_started_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    commands = FakeCommands(lambda _: "\n".join([entry("starting"), entry([27, 91, 51, 49, 109, 195, 40, 10]), entry(None), entry("x" * 600)]))
    found = lines(files(), commands, 20)
    assert [line[9:] for line in found] == ["starting", "\ufffd(", "", "x" * 500 + "…"]
    assert found[0][2] == found[0][5] == ":"
    unit = "_SYSTEMD_UNIT=webinfra-app@green.service"
    assert commands.run_ == [
        (
            *("journalctl", "--quiet", "--no-pager", "--output=json", "--lines=20", "--since=@1700000000.000010"),
            *(unit, "_TRANSPORT=stdout", "+", unit, "_TRANSPORT=syslog"),
        )
    ]


@pytest.mark.parametrize("status", [{}, {"application": None}, {"application": "x"}, {"application": {"release": "a"}}])
def test_is_nothing_where_none_is_in_trouble(status: object) -> None:
    world = MemoryFiles()
    world.put(places.RELEASE_STATUS, status)
    commands = FakeCommands()
    assert last_tried(world) is None
    assert lines(world, commands, 20) == []
    assert commands.run_ == []


def test_holds_no_secrets() -> None:
    world = files()
    world.texts[places.APPLICATION] = 'SERVER_NAME="web-1-name"\nDATABASE_WRITE_PASSWORD="data\\\\base"\n'
    world.texts[f"{places.ENVIRONMENT}.green"] = 'API_TOKEN="to\\"kens"\nCOLOUR="turquoise"\nPIN="1234"\n'
    world.put(places.APPLIED, SETTINGS)
    commands = FakeCommands(lambda _: entry('web-1-name turquoise 1234 data\\base to"kens'))
    assert [line[9:] for line in lines(world, commands, 20)] == ["web-1-name turquoise 1234 [secret] [secret]"]


def test_hides_the_longer_of_two_secrets_first() -> None:
    world = MemoryFiles(**{places.ENVIRONMENT: 'A="secret"\nB="secret-one"\n'})
    assert without("secret-one secret", secrets(world)) == "[secret] [secret]"


@pytest.mark.parametrize(("said", "found"), [(entry("x", 1_700_000_000_000_009), "@1700000000.000010"), ("", "")])
def test_begins_where_the_journal_ended(said: str, found: str) -> None:
    assert position(FakeCommands(lambda _: said)) == found
