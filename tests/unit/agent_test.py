"""Tests of agent/database.py that need no host. tests/unit/agent.test.ts runs them, one by one under their names."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

AGENT = pathlib.Path(__file__).resolve().parents[2] / "agent"

SETTINGS = {"name": "db-1", "zone": "z.internal", "database": "site", "needsReplica": False}


class MySQLError(Exception):
    pass


class OperationalError(MySQLError):
    pass


def load(program, **changes):
    """Imports a program as a module, with settings as a host would have them."""
    read_text = pathlib.Path.read_text

    def settings(path, *arguments, **named):
        if str(path).startswith("/etc/webinfra/"):
            return json.dumps({**SETTINGS, **changes})
        return read_text(path, *arguments, **named)

    pymysql = types.ModuleType("pymysql")
    pymysql.MySQLError = MySQLError
    pymysql.err = types.SimpleNamespace(OperationalError=OperationalError)
    pymysql.cursors = types.SimpleNamespace(DictCursor=object)
    spec = importlib.util.spec_from_file_location(program, AGENT / f"{program}.py")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(pathlib.Path, "read_text", settings), mock.patch.dict(sys.modules, {"pymysql": pymysql}):
        spec.loader.exec_module(module)
    return module


def said():
    """Catches what is printed."""
    return contextlib.redirect_stdout(io.StringIO())


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="webinfra-agent-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


def a_machine(name, generation=1, roles=("webServer",), standby=False):
    return {"machine": f"{name}-{generation}", "name": name, "roles": list(roles), "address": "10.0.0.1", "standby": standby}


def a_machine(name, roles):
    return {"machine": f"{name}-1", "name": name, "roles": list(roles), "address": "10.0.0.1", "standby": False}


class Connection:
    """A server that answers with what it is told to, by the beginning of the statement, and remembers what it was asked."""

    def __init__(self, answers=None):
        self.answers, self.asked = answers or {}, []

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def execute(self, statement, arguments=None):
        self.asked.append((statement, arguments))
        self.rows = next((rows for start, rows in {**OTHERWISE, **self.answers}.items() if statement.startswith(start)), [])

    def fetchall(self):
        return self.rows

    def statements(self):
        return [statement for statement, _ in self.asked]


def answer(one):
    return [{"answer": one}]


OTHERWISE = {"select @@global.rpl_semi_sync_source_enabled": answer(0)}


class Role(Scratch):
    """database.py: who may write, who follows, who fences itself."""

    def setUp(self):
        super().setUp()
        self.program = load("database")
        self.program.RUN, self.program.CHANNEL = self.folder, self.folder / "channel"
        self.program.FENCED = self.folder / "fenced"
        self.program.secret = lambda name: f"SECRET-{name}"
        (self.program.CHANNEL / "inventory").mkdir(parents=True)
        (self.program.CHANNEL / "pointers").mkdir()
        self.states = {}
        self.program.peer_states = lambda seconds=2: self.states
        self.speak, self.program.speak = self.program.speak, lambda *_: None
        self.inventory, self.program.peers = self.program.peers, lambda: {"db-2": "10.0.0.2"}

    def point(self, primary, epoch=1):
        (self.program.CHANNEL / "pointers/primary.json").write_text(json.dumps({"epoch": epoch, "primary": primary}))

    def synced(self):
        (self.folder / "synced").touch()

    def waits(self, words, action, *arguments):
        with self.assertRaises(self.program.Wait) as caught, said(), contextlib.redirect_stderr(io.StringIO()):
            action(*arguments)
        self.assertEqual(str(caught.exception), words)

    def lead(self, mine, **pointer):
        pointed = {"epoch": 1, "primary": "db-1", **pointer}
        (self.program.CHANNEL / "pointers/primary.json").write_text(json.dumps(pointed))
        with said():
            self.program.lead(mine, pointed)

    def opened(self, connection):
        return "set global super_read_only=OFF" in connection.statements()

    def test_without_a_pointer_it_waits(self):
        self.waits("no primary pointer in the channel yet", self.program.pointer)

    def test_peers_are_the_other_databases(self):
        for name, roles in (("db-1", ["database"]), ("db-2", ["database"]), ("web-1", ["webServer"])):
            entry = {**a_machine(name, roles=roles), "address": f"of {name}"}
            (self.program.CHANNEL / "inventory" / f"{name}.json").write_text(json.dumps(entry))
        self.assertEqual(self.inventory(), {"db-2": "of db-2"})

    def test_a_peer_that_does_not_answer_says_nothing(self):
        self.program.AGENT_PORT = 1
        self.assertEqual(self.program.state_of("127.0.0.1"), {})

    def test_it_does_not_open_by_a_pointer_that_may_be_old(self):
        mine = Connection()
        self.waits("the channel was not read since this host started: the pointer may be an old one", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_it_does_not_open_while_another_takes_writes(self):
        self.synced()
        self.states = {"db-2": {"role": "primary", "writable": True}, "db-3": {"role": "replica"}}
        mine = Connection()
        self.waits("db-2 still takes writes", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_an_empty_server_does_not_open_while_others_hold_the_data(self):
        self.synced()
        self.states = {"db-2": {"role": "replica", "holds": "yes"}, "db-3": {"role": "none", "holds": "yes"}, "db-4": {"holds": "no"}, "db-5": {}}
        mine = Connection()
        self.waits("this server is empty while db-2, db-3 holds the site's data: one of those must be the primary", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_it_does_not_open_by_a_pointer_older_than_a_peers(self):
        self.synced()
        self.states = {"db-2": {"role": "replica", "epoch": 4}, "db-3": {"role": "none", "epoch": None}}
        mine = Connection()
        self.waits("db-2 knows a newer primary pointer", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def following(self, applying="", **answers):
        self.synced()
        return Connection({"select host": [{"host": "db-2.z.internal"}], "select gtid_subtract((select received": answer(applying), **answers})

    def old_primary(self, closed=1):
        theirs = Connection({"select @@global.super_read_only": answer(closed), "select replace": answer("uuid:1-9")})
        self.program.remote = lambda _: theirs

    def test_it_does_not_open_before_it_applied_what_it_received(self):
        mine = self.following("uuid:5", **{"select gtid_subtract(%s": answer("")})
        self.old_primary()
        self.waits("applying what db-2 sent", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_it_does_not_open_before_the_old_primary_is_closed(self):
        mine = self.following()
        self.old_primary(closed=0)
        self.waits("db-2 still takes writes", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_it_does_not_open_before_it_has_all_that_the_old_primary_had(self):
        mine = self.following(**{"select gtid_subtract(%s": answer("uuid:9")})
        self.old_primary()
        self.waits("db-2 has what this server lacks: uuid:9", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def gone(self):
        def fail(_):
            raise OperationalError(2003, "words that may hold more than a number")

        self.program.remote = fail

    def test_an_old_primary_that_is_gone_wants_force(self):
        mine = self.following()
        self.gone()
        self.waits("db-2 cannot be asked what it has (2003): if it is gone for good, promote with force", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_force_opens_without_the_old_primary_but_not_before_all_is_applied(self):
        self.gone()
        self.waits("applying what db-2 sent", lambda: self.lead(self.following("uuid:5"), force=True))
        mine = self.following()
        self.lead(mine, force=True)
        self.assertTrue(self.opened(mine))

    def test_force_never_opens_beside_an_old_primary_that_is_open(self):
        self.old_primary(closed=0)
        self.waits("db-2 still takes writes", lambda: self.lead(self.following(), force=True))

    def test_force_takes_what_still_arrives_from_an_old_primary_that_is_there(self):
        self.old_primary()
        arriving = {"select gtid_subtract(%s": answer("uuid:9"), "select service_state": [{"service_state": "ON"}]}
        self.waits("db-2 has what this server lacks: uuid:9", lambda: self.lead(self.following(**arriving), force=True))
        broken = self.following(**{"select gtid_subtract(%s": answer("uuid:9"), "select service_state": [{"service_state": "OFF"}]})
        self.lead(broken, force=True)
        self.assertTrue(self.opened(broken))

    def test_a_promoted_replica_stops_following_before_it_opens(self):
        mine = self.following(**{"select gtid_subtract(%s": answer("")})
        self.old_primary()
        self.lead(mine)
        order = mine.statements()
        self.assertLess(order.index("reset replica all"), order.index("set global super_read_only=OFF"))
        self.assertLess(order.index("set global super_read_only=OFF"), order.index("set global read_only=OFF"))

    def test_a_new_site_opens_its_first_server(self):
        self.synced()
        self.states = {"db-2": {"role": "none", "holds": "no"}, "db-3": {"role": "none", "holds": "no"}}
        mine = Connection()
        self.lead(mine)
        self.assertTrue(self.opened(mine))
        order = mine.statements()
        replication = next(i for i, text in enumerate(order) if text.startswith("grant replication slave"))
        # Nothing that waits for a replica, before one can come; clients are let in when all accounts are there.
        self.assertLess(order.index("set session sql_log_bin=0"), order.index("create database if not exists `site` character set utf8mb4"))
        changes = [statement for statement in order[replication + 1 :] if not statement.startswith("select")]
        opening = ["set session sql_log_bin=1", "set global rpl_semi_sync_source_enabled=ON", "set global read_only=OFF"]
        self.assertEqual(changes, opening)

    def test_where_writes_need_a_replica_it_opens_when_one_is_there(self):
        self.synced()
        self.program.SETTINGS["needsReplica"] = True
        known = {"select (select variable_value": answer("0")}
        mine = Connection(known)
        self.waits("closed until a replica is there to acknowledge writes (durability: require)", self.lead, mine)
        # The replica is cloned from a server that has its account.
        self.assertIn("grant replication slave, backup_admin on *.* to 'repl'@'%'", mine.statements())
        self.assertNotIn("set global read_only=OFF", mine.statements())
        known["select 1 from mysql.user"] = [{"1": 1}]
        again = Connection(known)
        self.waits("closed until a replica is there to acknowledge writes (durability: require)", self.lead, again)
        self.assertFalse(self.opened(again))
        known["select (select variable_value"] = answer("1")
        self.lead(again)
        self.assertIn("set global read_only=OFF", again.statements())

    def test_a_server_that_was_open_before_logs_its_accounts(self):
        self.synced()
        mine = Connection({"select 1 from mysql.user": [{"1": 1}]})
        self.lead(mine)
        self.assertNotIn("set session sql_log_bin=0", mine.statements())
        self.assertIn("set global read_only=OFF", mine.statements())

    def test_an_empty_server_does_not_open_while_one_is_silent(self):
        self.synced()
        self.states = {"db-2": {}, "db-3": {"role": "none", "holds": "no"}, "db-4": {"role": "none", "holds": None}}
        mine = Connection()
        self.waits("this server is empty while db-2, db-4 does not say what it has: it may hold the site's data", self.lead, mine)
        self.assertFalse(self.opened(mine))

    def test_it_does_not_open_by_a_channel_that_is_out_of_reach_while_a_peer_is_silent(self):
        self.synced()
        os.utime(self.folder / "synced", (1, 1))
        mine = Connection({"select 1 from mysql.user": [{"1": 1}]})
        self.states = {"db-2": {}, "db-3": {"role": "replica"}}
        self.waits("the channel cannot be read and db-2 does not answer: another server may be the primary by now", self.lead, mine)
        self.assertFalse(self.opened(mine))
        self.states = {"db-2": {"role": "replica", "epoch": 1}}
        self.lead(mine)
        self.assertTrue(self.opened(mine))

    def test_it_does_not_open_by_a_pointer_that_changed_meanwhile(self):
        self.synced()
        self.point("db-2", 2)
        mine = Connection()
        self.waits("the primary pointer has changed meanwhile", self.program.lead, mine, {"epoch": 1, "primary": "db-1"})
        self.assertFalse(self.opened(mine))

    def test_only_a_primary_waits_for_replicas(self):
        mine = Connection({"select @@global.super_read_only": answer(1), "select @@global.rpl_semi_sync_source_enabled": answer(1)})
        self.program.close(mine)
        self.assertEqual(mine.statements()[-1], "set global rpl_semi_sync_source_enabled=OFF")
        self.synced()
        self.program.peers = dict
        alone = Connection()
        self.lead(alone)
        self.assertNotIn("set global rpl_semi_sync_source_enabled=ON", alone.statements())

    def test_a_primary_waits_for_a_replica_that_came_later_and_not_for_one_that_is_gone(self):
        mine = Connection({"select @@global.read_only": answer(0), "select 1 from mysql.user": [{"1": 1}]})
        self.program.local = lambda: mine
        self.point("db-1", 1)
        self.program.turn(("lead", 1))
        self.assertIn("set global rpl_semi_sync_source_enabled=ON", mine.statements())
        mine.answers["select @@global.rpl_semi_sync_source_enabled"] = answer(1)
        self.program.peers = dict
        self.program.turn(("lead", 1))
        self.assertEqual(mine.statements()[-1], "set global rpl_semi_sync_source_enabled=OFF")

    def test_a_primary_that_a_peer_superseded_closes_though_its_own_pointer_is_old(self):
        mine = Connection({"select @@global.read_only": answer(0), "select @@global.super_read_only": answer(0)})
        self.program.local = lambda: mine
        self.point("db-1", 1)
        self.states = {"db-2": {"writable": True, "epoch": 2}}
        self.waits("db-2 takes writes by a newer primary pointer", self.program.turn, ("lead", 1))
        self.assertIn("set global super_read_only=ON", mine.statements())

    def test_a_primary_stays_open_while_the_one_of_a_newer_pointer_is_not(self):
        mine = Connection({"select @@global.read_only": answer(0)})
        self.program.local = lambda: mine
        self.point("db-1", 1)
        self.states = {"db-2": {"writable": False, "epoch": 2}, "db-3": {"writable": True, "epoch": 1}, "db-4": {}}
        self.assertEqual(self.program.turn(("lead", 1)), ("lead", 1))

    def test_an_open_primary_looks_for_a_newer_one_also_when_it_could_not_take_its_turn(self):
        mine = Connection({"select @@global.read_only": answer(0), "select @@global.super_read_only": answer(0)})
        self.program.local = lambda: mine
        self.point("db-1", 1)
        self.states = {"db-2": {"writable": True, "epoch": 2}}
        self.waits("db-2 takes writes by a newer primary pointer", self.program.turn, None)
        self.assertIn("set global super_read_only=ON", mine.statements())

    def test_it_tells_whether_it_holds_the_data(self):
        for rows, word in (([], "no"), ([{"1": 1}], "yes")):
            mine = Connection({"select 1 from mysql.user": rows, "select @@global.super_read_only": answer(1), "select replace": answer("u:1")})
            self.speak(mine, {"epoch": 3})
            told = json.loads((self.folder / "database.json").read_text())
            self.assertEqual((told["holds"], told["epoch"], told["executed"], told["closed"]), (word, 3, "u:1", True))

    def test_passwords_never_stand_in_a_statement(self):
        mine, theirs = Connection(), Connection()
        self.program.remote = lambda _: theirs
        mine.answers = {"select 1 from mysql.user": [{"1": 1}], "select gtid_subtract": answer(""), "select replace": answer("")}
        theirs.answers = {"select replace": answer("")}
        with said():
            self.program.accounts(mine)
            self.program.follow(mine, "db-2")
        self.assertFalse([text for text in mine.statements() if "SECRET" in text])
        given = [arguments for _, arguments in mine.asked if arguments and any("SECRET" in str(one) for one in arguments)]
        self.assertGreaterEqual(len(given), 5)

    def test_accounts_demand_tls_and_get_the_least(self):
        mine = Connection()
        self.program.accounts(mine)
        for statement in mine.statements():
            if statement.startswith(("create user", "alter user")):
                self.assertTrue("require ssl" in statement or "auth_socket" in statement, statement)
            if statement.startswith("grant"):
                self.assertNotRegex(statement, r"(?i)\ball\b|grant option|super")
        self.assertFalse([s for s in mine.statements() if "'app'" in s and "*.*" in s])

    def test_a_server_with_transactions_of_its_own_fences_itself(self):
        mine = Connection({"select 1 from mysql.user": [{"1": 1}], "select gtid_subtract": answer("uuid:7"), "select replace": answer("uuid:1-7")})
        self.program.remote = lambda _: Connection({"select replace": answer("uuid:1-6")})
        # A primary that was just promoted may still apply them.
        self.waits("has transactions that db-2 lacks: uuid:7 (yet)", self.program.follow, mine, "db-2")
        self.assertFalse((self.folder / "fenced").exists())
        os.utime(self.folder / "errant", (1, 1))
        self.waits("fenced: has transactions that db-2 lacks: uuid:7", self.program.follow, mine, "db-2")
        self.assertEqual((self.folder / "fenced").read_text(), "has transactions that db-2 lacks: uuid:7")
        self.assertIn("stop replica", mine.statements())
        self.assertNotIn("start replica", mine.statements())
        self.assertFalse([text for text in mine.statements() if text.startswith(("change replication", "reset", "purge", "clone"))])

    def test_it_reads_its_own_transactions_before_the_primarys(self):
        order = []
        mine = Connection({"select 1 from mysql.user": [{"1": 1}], "select gtid_subtract": answer("")})
        theirs = Connection()
        self.program.remote = lambda _: theirs
        self.program.executed = lambda connection: order.append(connection) or ""
        with said():
            self.program.follow(mine, "db-2")
        self.assertEqual(order, [mine, theirs])

    def test_it_follows_with_verified_tls(self):
        mine = Connection({"select 1 from mysql.user": [{"1": 1}], "select gtid_subtract": answer(""), "select replace": answer("")})
        self.program.remote = lambda _: Connection({"select replace": answer("")})
        with said():
            self.program.follow(mine, "db-2")
        (change, arguments) = next(asked for asked in mine.asked if asked[0].startswith("change replication"))
        for part in ("source_ssl=1", "source_ssl_ca=%s", "source_ssl_verify_server_cert=1", "source_auto_position=1"):
            self.assertIn(part, change)
        self.assertEqual(arguments, ("db-2.z.internal", "SECRET-replication-password", "/etc/webinfra/tls/ca.pem"))
        self.assertEqual(mine.statements()[-1], "start replica")

    def test_what_arrives_already_is_not_fetched_again(self):
        mine = Connection({
            "select 1 from mysql.user": [{"1": 1}], "select gtid_subtract": answer(""), "select replace": answer(""),
            "select host": [{"host": "db-2.z.internal"}], "select service_state from performance_schema.replication_connection": [{"service_state": "ON"}],
        })
        self.program.remote = lambda _: Connection({"select replace": answer("")})
        self.program.follow(mine, "db-2")
        # The applier had stopped.
        self.assertIn("start replica sql_thread", mine.statements())
        self.assertFalse([text for text in mine.statements() if text.startswith(("stop replica", "change replication"))])

    def test_it_closes_without_waiting_for_an_acknowledgement_for_ever(self):
        mine = Connection({"select @@global.super_read_only": answer(0), "select @@global.rpl_semi_sync_source_enabled": answer(1)})
        with said():
            self.program.close(mine)
        changes = [statement for statement in mine.statements() if statement.startswith("set")]
        # Let go last: what waits for an acknowledgement until then was never acknowledged.
        expected = ["set session lock_wait_timeout=3", "set global super_read_only=ON", "set global rpl_semi_sync_source_enabled=OFF"]
        self.assertEqual(changes, expected)

    def test_a_closed_server_is_left_alone(self):
        mine = Connection({"select @@global.super_read_only": answer(1)})
        self.program.close(mine)
        self.assertFalse([statement for statement in mine.statements() if statement.startswith("set")])

    def test_a_turn_by_the_pointer(self):
        did = []
        mine = Connection({"select @@global.super_read_only": answer(1), "select @@global.read_only": answer(0), "select service_state": [{"service_state": "ON"}]})
        self.program.local = lambda: mine
        self.program.lead = lambda *_: did.append("lead")
        self.program.follow = lambda _, primary: did.append(f"follow {primary}")

        def turn(primary, done):
            did.clear()
            self.point(primary)
            return self.program.turn(done)

        leads = turn("db-1", None)
        self.assertEqual(did, ["lead"])
        self.assertEqual((turn("db-1", leads), did), (leads, []))
        follows = turn("db-2", leads)
        self.assertEqual(did, ["follow db-2"])
        self.assertEqual((turn("db-2", follows), did), (follows, []))
        turn("db-3", follows)
        self.assertEqual(did, ["follow db-3"])

    def test_replication_that_an_error_stopped_is_started_again_but_not_at_once(self):
        did = []
        stopped = {"from performance_schema.replication_connection_status": "OFF", "from performance_schema.replication_applier_status": "ON"}
        mine = Connection({"select @@global.super_read_only": answer(1)})
        mine.answers.update({f"select service_state {table} where": [{"service_state": state}] for table, state in stopped.items()})
        mine.answers["select last_error_message"] = [{"words": ""}, {"words": "Got fatal error 1236"}]
        self.program.local = lambda: mine
        self.program.follow = lambda _, primary: did.append(primary)
        self.point("db-2")
        self.program.time = types.SimpleNamespace(monotonic=lambda: 104.0)
        self.assertEqual((self.program.turn(("follow", "db-2", 100.0)), did), (("follow", "db-2", 100.0), []))
        self.program.time = types.SimpleNamespace(monotonic=lambda: 106.0)
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual((self.program.turn(("follow", "db-2", 100.0)), did), (("follow", "db-2", 106.0), ["db-2"]))
        self.assertEqual(errors.getvalue(), "replication from db-2 stopped: Got fatal error 1236\n")
        mine.answers["select service_state from performance_schema.replication_connection_status where"] = [{"service_state": "CONNECTING"}]
        self.program.time = types.SimpleNamespace(monotonic=lambda: 999.0)
        self.assertEqual((self.program.turn(("follow", "db-2", 106.0)), did), (("follow", "db-2", 106.0), ["db-2"]))

    def cloned_with(self, number, **state):
        mine = Connection({"select state": [state] if state else []})

        def fail(statement, arguments=None):
            if statement.startswith("clone"):
                raise OperationalError(number, "words")
            return execute(statement, arguments)

        execute, mine.execute = mine.execute, fail
        return mine

    def test_a_clone_that_ends_in_a_lost_connection_is_looked_at(self):
        patient = self.cloned_with(2013)
        again = Connection({"select state": [{"state": "Completed", "error_message": ""}]})
        self.program.local = lambda seconds=None: patient if seconds else again
        with said():
            self.assertIs(self.program.clone(Connection(), "db-2"), again)

    def test_a_clone_that_is_refused_is_not_waited_for(self):
        for mine, words in (
            (self.cloned_with(3862, state="Failed", error_message="no donor"), "cloning db-2 failed (3862): no donor"),
            (self.cloned_with(1045), "cloning db-2 failed (1045): see the log of MySQL"),
        ):
            self.program.local = lambda _seconds, refused=mine: refused
            self.waits(words, self.program.clone, mine, "db-2")

    def test_a_primary_that_closed_itself_is_opened_again(self):
        did = []
        mine = Connection({"select @@global.read_only": answer(0)})
        self.program.local = lambda: mine
        self.program.lead = lambda *_: did.append("lead")
        self.point("db-1")
        done = self.program.turn(None)
        mine.answers = {"select @@global.read_only": answer(1)}
        self.program.turn(done)
        self.assertEqual(did, ["lead", "lead"])


if __name__ == "__main__":
    # One line of JSON a test, for mocha.
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])

    class Lines(unittest.TestResult):
        def report(self, test, problem):
            kind, name = type(test).__name__, getattr(test, "_testMethodName", "")
            print(json.dumps({"name": f"{kind}.{name}", "problem": problem}), flush=True)

        def addSuccess(self, test):
            self.report(test, None)

        def addError(self, test, err):
            self.report(test, self._exc_info_to_string(err, test))

        addFailure = addError

    suite.run(Lines())
