"""One look, and what is made of what others say."""

import json
from collections.abc import Callable

import pytest

from webinfra import places
from webinfra.database.act import Hands
from webinfra.database.model import Answers, Fence, Memory
from webinfra.database.mysql import Kept, MySQLFailed
from webinfra.database.observe import LOOK_SECONDS, Eyes, Heard, Settings, Watch, observe, remember, remembered
from webinfra.database.program import Listeners, Program
from webinfra.gtid import GtidSet
from webinfra.protocol import Entry, Epoch, parse_state

from .fakes import Clock, Files, Host, Server

UUID = "00000001-0000-4000-8000-000000000000"
ROW = {
    "read_only": 1,
    "super_read_only": 1,
    "executed": f"{UUID}:1-5,\n{UUID}:7",
    "uuid": UUID,
    "acknowledged": 0,
    "accounts": 1,
    "source": "db-2.z.internal",
    "received": f"{UUID}:1-9",
    "receiving": "ON",
    "applying": "ON",
    "acknowledgers": "2",
    "waiting": None,
}
SETTINGS = Settings("db-1", "z.internal", "site", False)


def entry(name: str, *roles: str) -> str:
    return json.dumps({"version": 2, "machine": f"m-{name}", "name": name, "roles": roles or ["database"], "address": "10.0.0.2", "standby": False})


def state(**database: object) -> str:
    said = {
        "role": "replica",
        "writable": False,
        "replica": True,
        "stale": True,
        "lagSeconds": 0,
        "epoch": 3,
        "nonce": "n",
        "holds": "yes",
        "executed": f"{UUID}:1-4",
        "received": "",
        **database,
    }
    whole = {"version": 2, "machine": "m-db-2", "name": "db-2", "roles": ["database"], "converge": "done", "step": "", "healthy": True, "error": None}
    return json.dumps({**whole, "database": said})


MEMBER = {
    "closed": True,
    "opened": 2,
    "openedNonce": "m",
    "executed": f"{UUID}:1-6",
    "received": "",
    "wants": None,
    "waiting": None,
    "alone": None,
    "conflict": False,
    "down": False,
    "uuid": UUID,
    "ageSeconds": 0.5,
}


class Ears:
    def __init__(self, **heard: Heard) -> None:
        self.said = {name.replace("_", "-"): one for name, one in heard.items()}

    def heard(self, _entries: tuple[Entry, ...]) -> dict[str, Heard]:
        return self.said


def eyes(server: Server, files: Files, ears: Ears | None = None) -> Eyes:
    return Eyes(SETTINGS, Kept(server.connect, LOOK_SECONDS), ears or Ears(), files, Clock())


def test_the_server_in_one_statement() -> None:
    server = Server({"select @@global.read_only": [ROW]})
    picture = observe(eyes(server, Files()))
    assert picture.answers is Answers.YES
    assert picture.server is not None
    assert str(picture.server.executed) == f"{UUID}:1-5:7"
    assert (picture.server.source, picture.server.acknowledgers, picture.server.waiting, picture.server.new) == ("db-2", 2, 0, False)
    assert str(picture.server.unapplied) == f"{UUID}:6:8-9"
    # What a closed server has does not change any more: closed is looked at first.
    assert server.said[0].index("super_read_only") < server.said[0].index("gtid_executed")
    assert len(server.said) == 1


def test_whether_writes_wait_for_a_replica_is_asked_of_the_settings_at_each_look() -> None:
    files = Files()
    look = eyes(Server({"select @@global.read_only": [ROW, ROW, ROW]}), files)
    assert observe(look).needs_replica is False
    for durability, needs in (("require", True), ("prefer", False)):
        database = {"variables": {}, "durability": durability, "maxLagSeconds": 5}
        files.texts[places.APPLIED] = json.dumps({"version": 2, "host": "db-1", "domain": "www.example.com", "database": database})
        assert observe(look).needs_replica is needs


def test_why_replication_stopped() -> None:
    server = Server({"select @@global.read_only": [{**ROW, "receiving": "OFF"}], "select last_error_message": [{"words": "a duplicate key"}]})
    picture = observe(eyes(server, Files()))
    assert picture.server is not None
    assert picture.server.trouble == "a duplicate key"


def test_a_server_that_is_down_and_one_that_hangs() -> None:
    down = Server(fails={"connect": MySQLFailed(2003, "Can't connect to MySQL server on 'localhost' ([Errno 111] Connection refused)")})
    assert observe(eyes(down, Files())).answers is Answers.REFUSES
    silent = Server(fails={"connect": MySQLFailed(2003, "Can't connect to MySQL server on 'localhost' (timed out)")})
    assert observe(eyes(silent, Files())).answers is Answers.HANGS
    hangs = Server(fails={"select": MySQLFailed(2013, "Lost connection to MySQL server during query (timed out)")})
    assert observe(eyes(hangs, Files())).answers is Answers.HANGS
    wrong = Server(fails={"select": MySQLFailed(1193, "Unknown system variable 'rpl_semi_sync_source_enabled'")})
    assert observe(eyes(wrong, Files())).answers is Answers.FAILS


def test_looks_share_a_connection_until_it_ends() -> None:
    server = Server({"select @@global.read_only": [ROW]})
    seen = eyes(server, Files())
    for _ in range(3):
        assert observe(seen).answers is Answers.YES
    assert server.seconds == [LOOK_SECONDS]
    # MySQL started anew between two looks: what it is now counts.
    server.ends_connections()
    assert observe(seen).answers is Answers.YES
    assert server.seconds == [LOOK_SECONDS] * 2
    server.ends_connections()
    server.fails["connect"] = MySQLFailed(2003, "Can't connect to MySQL server on 'localhost' ([Errno 111] Connection refused)")
    assert observe(seen).answers is Answers.REFUSES


@pytest.mark.parametrize(
    ("failure", "answers"),
    [
        (MySQLFailed(2013, "Lost connection to MySQL server during query (timed out)"), Answers.HANGS),
        (MySQLFailed(1053, "Server shutdown in progress"), Answers.FAILS),
    ],
)
def test_a_connection_that_failed_is_not_asked_again(failure: MySQLFailed, answers: Answers) -> None:
    server = Server({"select @@global.read_only": [ROW]})
    seen = eyes(server, Files())
    observe(seen)
    server.fails["select"] = failure
    # One try a look: a second one would take as long again.
    assert observe(seen).answers is answers
    assert server.seconds == [LOOK_SECONDS]
    del server.fails["select"]
    assert observe(seen).answers is Answers.YES
    assert server.seconds == [LOOK_SECONDS] * 2


def test_peers_are_the_other_databases_of_the_inventory() -> None:
    files = Files(
        {
            f"{places.INVENTORY}/a.json": entry("db-1"),
            f"{places.INVENTORY}/b.json": entry("db-2"),
            f"{places.INVENTORY}/c.json": entry("web-1", "webServer"),
            f"{places.INVENTORY}/d.json": entry("db-3")[:20],
            places.REFUSED: json.dumps([{"document": "inventory/d.json", "reason": "x"}, {"document": "inventory/e.json", "reason": "x"}]),
        }
    )
    picture = observe(eyes(Server({"select @@global.read_only": [ROW]}), files))
    assert [(peer.name, peer.answers) for peer in picture.peers] == [("db-2", False)]
    # One that was good once is in use; of this one nothing is known.
    assert picture.unknown == ("inventory/e.json",)


def test_what_a_peer_says_counts_from_its_own_look() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    ears = Ears(db_2=Heard(parse_state(state(member=MEMBER)), 99.0))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.answers, peer.speaks, peer.closed, peer.at) == (True, True, True, 98.5)
    assert (peer.epoch, peer.opened, str(peer.executed)) == (Epoch(3, "n"), Epoch(2, "m"), f"{UUID}:1-6")


def test_a_peer_that_was_not_heard_lately_does_not_answer() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    ears = Ears(db_2=Heard(parse_state(state(member=MEMBER)), 96.0))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.answers, str(peer.executed)) == (False, f"{UUID}:1-6")


def test_a_peer_whose_program_has_not_spoken_promises_nothing() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    ears = Ears(db_2=Heard(parse_state(state()), 99.9))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.answers, peer.epoch, peer.holds, peer.closed) == (True, None, None, False)


def test_a_peer_of_the_version_before() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    text = json.loads(state())
    del text["version"]
    ears = Ears(db_2=Heard(parse_state(json.dumps(text)), 99.9))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.answers, peer.speaks, peer.holds, peer.closed, str(peer.executed)) == (True, False, "yes", True, f"{UUID}:1-4")


def test_a_watch_keeps_the_last_good_answer_of_the_right_host() -> None:
    answers: list[str | None] = [state(), None, "[1]", state().replace('"db-2"', '"db-9"')]
    clock = Clock()
    watch = Watch(lambda address, seconds: answers.pop(0), clock)
    watch.turn("db-2", "10.0.0.2")
    first = watch.heard["db-2"]
    clock.seconds += 5
    for _ in range(3):
        watch.turn("db-2", "10.0.0.2")
    assert watch.heard == {"db-2": first}
    assert first.at == 100.0


def test_what_is_remembered_comes_back() -> None:
    files = Files()
    memory = Memory(promise=Epoch(5, "x"), promises=(Epoch(5, "x"), Epoch(4, "")), opened=Epoch(4, ""), fence=Fence("u:1", "db-2"), stuck_at=3.0)
    remember(files, memory)
    kept = remembered(files)
    assert (kept.promise, kept.promises, kept.opened, kept.fence, kept.stuck_at) == (
        memory.promise,
        memory.promises,
        memory.opened,
        memory.fence,
        None,
    )


def test_a_memory_that_cannot_be_read_promises_nothing_and_was_never_open() -> None:
    for text in ("", "[1]", "{", '{"promises": [5]}', '{"promises": [], "opened": 7}', '{"promises": [[Infinity, "x"]]}'):
        assert remembered(Files({places.MEMORY: text})) == Memory()


class Nothing:
    def do(self, *_: object) -> Memory:
        raise AssertionError("nothing was to be done")


def published(files: Files, row: dict[str, object]) -> dict[str, object]:
    server = Server({"select @@global.read_only": [row]})
    look = eyes(server, files)
    Program(look, Hands(SETTINGS, server.connect, files, look.clock, Host())).turn()
    said: dict[str, object] = json.loads(files.texts[places.MEMBER])
    return said


def test_what_it_says_is_of_the_promise_before_the_look() -> None:
    pointer = {"version": 2, "epoch": 4, "nonce": "n", "primary": "db-2", "previous": None}
    files = Files({places.PRIMARY_POINTER: json.dumps(pointer)})
    first = published(files, ROW)
    # It promises in this turn: what it saw was before that.
    assert (first["epoch"], first["closed"]) == (None, True)
    second = published(files, ROW)
    assert (second["epoch"], second["nonce"], second["closed"], second["executed"]) == (4, "n", True, f"{UUID}:1-5:7")


def test_it_says_that_it_opens_before_it_does() -> None:
    pointer = {"version": 2, "epoch": 4, "nonce": "n", "primary": "db-1", "previous": None}
    files = Files({places.PRIMARY_POINTER: json.dumps(pointer), places.SYNCED: "99"})
    remember(files, Memory(promise=Epoch(4, "n"), promises=(Epoch(4, "n"),), opened=Epoch(4, "n")))
    said = published(files, {**ROW, "received": ROW["executed"]})
    assert (said["closed"], said["opened"]) == (False, 4)
    assert GtidSet.parse(str(said["executed"])) == GtidSet.parse(f"{UUID}:1-5:7")


def test_each_peer_is_asked_apart_and_only_once_it_has_an_address() -> None:
    asked: list[str] = []

    class Enough(Exception):
        pass

    def ask(address: str, seconds: float) -> str | None:
        del seconds
        asked.append(address)
        raise Enough

    started: list[str] = []

    def start(work: Callable[[], None]) -> None:
        # A thread may run before whoever started it goes on.
        with pytest.raises(Enough):
            work()
        started.append(asked[-1])

    clock = Clock()
    listeners = Listeners(Watch(ask, clock), clock, start)
    two = (Entry("m-2", "db-2", ("database",), "10.0.0.2"), Entry("m-3", "db-3", ("database",), "10.0.0.3"))
    assert listeners.heard(two) == {}
    assert listeners.heard(two) == {}
    assert started == ["10.0.0.2", "10.0.0.3"]


def test_a_peer_of_the_version_before_whose_mysql_does_not_answer_is_not_called_closed() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    text = json.loads(state(error="timed out"))
    del text["version"]
    ears = Ears(db_2=Heard(parse_state(json.dumps(text)), 99.9))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.closed, peer.down) == (False, True)


def test_a_set_that_cannot_be_read_is_not_an_empty_one() -> None:
    files = Files({f"{places.INVENTORY}/b.json": entry("db-2")})
    ears = Ears(db_2=Heard(parse_state(state(member={**MEMBER, "executed": "nonsense"})), 99.9))
    (peer,) = observe(eyes(Server({"select @@global.read_only": [ROW]}), files, ears)).peers
    assert (peer.answers, peer.holds, peer.epoch, peer.closed) == (True, None, None, False)


def test_a_promise_counts_once_it_is_on_the_disk() -> None:
    class Full(Files):
        def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:  # noqa: ARG002
            if durable:
                raise OSError(28, "No space left on device")
            super().write(path, text)

    pointer = {"version": 2, "epoch": 4, "nonce": "n", "primary": "db-2", "previous": None}
    files = Full({places.PRIMARY_POINTER: json.dumps(pointer)})
    server = Server({"select @@global.read_only": [ROW]})
    look = eyes(server, files)
    program = Program(look, Hands(SETTINGS, server.connect, files, look.clock, Host()))
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            program.turn()
        assert json.loads(files.texts[places.MEMBER])["epoch"] is None
