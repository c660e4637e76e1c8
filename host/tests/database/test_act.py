"""What each action does to the server, and in which order."""

import json

import pytest

from webinfra import places
from webinfra.database.act import Hands, Wait
from webinfra.database.clone import CloneFailed
from webinfra.database.model import (
    Accounts,
    Acknowledge,
    Action,
    Apply,
    Clone,
    Close,
    Fence,
    Follow,
    Found,
    Isolate,
    Kill,
    Leave,
    Memory,
    Open,
    Promise,
    Pull,
    Release,
)
from webinfra.database.mysql import MySQLFailed
from webinfra.database.observe import Settings, remembered
from webinfra.protocol import Epoch, PrimaryPointer

from .fakes import Clock, Files, Host, Server

EPOCH = Epoch(4, "n")
POINTER = PrimaryPointer(EPOCH, "db-1", None, previous_known=True)
TEXT = json.dumps({"version": 2, "epoch": 4, "nonce": "n", "primary": "db-1", "previous": None})
LOST = MySQLFailed(2013, "Lost connection to MySQL server during query")


class Stage:
    def __init__(self, server: Server | None = None) -> None:
        self.server, self.clock, self.host = server or Server(), Clock(), Host()
        self.files = Files(
            {
                places.PRIMARY_POINTER: TEXT,
                f"{places.SECRETS}/app-password": "app-secret\n",
                f"{places.SECRETS}/replication-password": "repl-secret\n",
            }
        )
        self.hands = Hands(Settings("db-1", "z.internal", "site", False), self.server.connect, self.files, self.clock, self.host)

    def do(self, action: Action, memory: Memory | None = None, looked: float = 100.0) -> Memory:
        return self.hands.do(action, memory or Memory(promise=EPOCH, promises=(EPOCH,)), looked)


def test_a_promise_is_on_the_disk_with_the_data() -> None:
    stage = Stage()
    stage.do(Promise(EPOCH))
    assert stage.files.durable == [places.MEMORY]
    assert places.MEMORY.startswith("/var/lib/mysql/")
    assert remembered(stage.files).promise == EPOCH
    assert stage.server.said == []


def test_closing_does_not_wait_for_an_acknowledgement_for_ever() -> None:
    stage = Stage()
    stage.do(Close())
    assert stage.server.said == ["set session lock_wait_timeout=1", "set global super_read_only=ON"]
    assert stage.server.seconds == [2.0]
    assert stage.host.words == ["closed for writes"]


def test_a_server_that_cannot_be_closed_is_killed() -> None:
    stage = Stage()
    stage.do(Kill("it could not be closed"))
    assert (stage.host.killed, stage.host.words) == (1, ["MySQL is killed: it could not be closed"])


@pytest.mark.parametrize(("wanted", "word"), [(True, "ON"), (False, "OFF")])
def test_who_waits_for_replicas(wanted: bool, word: str) -> None:
    stage = Stage()
    stage.do(Acknowledge(wanted))
    assert stage.server.said == [f"set global rpl_semi_sync_source_enabled={word}"]


def test_opening_is_remembered_before_it_is_done() -> None:
    stage = Stage()
    found: list[object] = []
    stage.server.before = lambda statement: found.append(remembered(stage.files).opened)
    memory = stage.do(Open(POINTER))
    assert stage.server.said == ["set global read_only=OFF"]
    assert found == [EPOCH]
    assert (memory.opened, memory.closed) == (EPOCH, False)
    assert stage.host.words == ["open for writes by pointer 4"]


def test_it_does_not_open_by_a_pointer_that_changed_meanwhile() -> None:
    stage = Stage()
    stage.files.write(places.PRIMARY_POINTER, TEXT.replace('"n"', '"m"'))
    with pytest.raises(Wait, match="the primary pointer has changed meanwhile"):
        stage.do(Open(POINTER))
    assert stage.server.said == []


def test_it_does_not_open_by_an_old_look() -> None:
    stage = Stage()
    with pytest.raises(Wait, match="too old by now"):
        stage.do(Open(POINTER), looked=97.9)
    assert stage.server.said == []


def test_a_server_that_does_not_say_whether_it_opened_is_killed() -> None:
    stage = Stage(Server(fails={"set global read_only": LOST}))
    with pytest.raises(MySQLFailed):
        stage.do(Open(POINTER))
    assert stage.host.killed == 1


def test_a_new_site_gets_its_accounts_unlogged_and_stays_closed() -> None:
    stage = Stage()
    memory = stage.do(Found(EPOCH))
    said = stage.server.said
    assert said[:3] == ["set global super_read_only=OFF", "set session sql_log_bin=0", "alter user root@localhost identified with auth_socket"]
    assert said[-2:] == ["grant replication slave, backup_admin on *.* to 'repl'@'%'", "set global super_read_only=ON"]
    assert not any("read_only=OFF" in statement and "super" not in statement for statement in said)
    assert (memory.opened, memory.accounts) == (EPOCH, EPOCH)
    assert remembered(stage.files).opened == EPOCH


def test_accounts_demand_tls_and_get_the_least() -> None:
    stage = Stage()
    stage.do(Accounts(EPOCH))
    said = stage.server.said
    assert not any("sql_log_bin" in statement for statement in said)
    users = [statement for statement in said if " user " in statement and "auth_socket" not in statement]
    assert users
    assert all(statement.endswith("require ssl") for statement in users)
    grants = [statement for statement in said if statement.startswith("grant")]
    assert grants[0] == "grant select, insert, update, delete, create, alter, drop, index, references on `site`.* to 'app'@'%'"
    assert grants[-1] == "grant replication slave, backup_admin on *.* to 'repl'@'%'"
    assert all(" on performance_schema.replication_" in grant for grant in grants[1:-1])
    # The account that says that this server has the site's data is the last.
    assert "'repl'" in said[-1]


def test_passwords_never_stand_in_a_statement() -> None:
    stage = Stage(Server(answers={"select state": [{"state": "Completed"}]}))
    for action in (Accounts(EPOCH), Found(EPOCH), Follow("db-2"), Clone("db-2")):
        stage.do(action)
    assert not any("secret" in statement for statement in stage.server.said)
    assert {"app-secret", "repl-secret"} <= set(stage.server.arguments)


def test_it_follows_with_verified_tls() -> None:
    stage = Stage()
    stage.do(Follow("db-2"))
    assert stage.server.said[0] == "stop replica"
    assert stage.server.said[-1] == "start replica"
    assert "source_ssl_verify_server_cert=1" in stage.server.said[1]
    assert "source_auto_position=1" in stage.server.said[1]
    assert stage.server.arguments == ["db-2.z.internal", "repl-secret", places.CA]


def test_applying_receives_nothing() -> None:
    stage = Stage()
    stage.do(Apply())
    assert stage.server.said == ["start replica sql_thread"]


def test_leaving_forgets_the_source() -> None:
    stage = Stage()
    stage.do(Leave())
    assert stage.server.said == ["stop replica", "reset replica all"]


def test_a_fence_is_on_the_disk_before_replication_stops() -> None:
    stage = Stage()
    fence = Fence("x:1", "db-2")
    found: list[object] = []
    stage.server.before = lambda statement: found.append(remembered(stage.files).fence)
    stage.do(Isolate(fence), Memory(promise=EPOCH, promises=(EPOCH,), fence=fence))
    assert (stage.server.said, found) == (["stop replica"], [fence])
    assert stage.host.words == ["fenced: has transactions that db-2 lacks: x:1"]


def test_a_fence_that_goes_takes_the_old_versions_with_it() -> None:
    stage = Stage()
    stage.files.write(places.OLD_FENCE, "has transactions that db-2 lacks: x:1")
    assert remembered(stage.files).fence == Fence("x:1", "db-2")
    stage.do(Release(), Memory(promise=EPOCH, promises=(EPOCH,)))
    assert remembered(stage.files).fence is None


def test_the_channel_is_asked_for() -> None:
    stage = Stage()
    stage.do(Pull())
    assert stage.files.read(places.PULL) == ""


def test_a_clone_that_ends_in_a_lost_connection_is_looked_at() -> None:
    stage = Stage(Server(answers={"select state": [{"state": "Completed"}]}, fails={"clone instance": LOST}))
    stage.do(Clone("db-2"))
    assert stage.host.words == ["cloning db-2", "cloned"]


def test_a_clone_that_is_refused_says_why() -> None:
    refused = MySQLFailed(3862, "Clone Donor Error")
    stage = Stage(Server(answers={"select state": [{"state": "Failed", "error_message": "the donor is busy"}]}, fails={"clone instance": refused}))
    with pytest.raises(CloneFailed, match=r"cloning db-2\.z\.internal failed \(3862\): the donor is busy"):
        stage.do(Clone("db-2"))


def test_a_server_that_does_not_come_back_from_a_clone_is_given_up() -> None:
    stage = Stage(Server(fails={"clone instance": LOST, "select state": LOST}))
    with pytest.raises(CloneFailed, match=r"cloning db-2\.z\.internal did not end within 300 s"):
        stage.do(Clone("db-2"))
