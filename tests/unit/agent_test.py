"""Tests of the programs in agent/ that need no host. tests/unit/agent.test.ts runs them, one by one under their names."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import types
import unittest
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from unittest import mock

AGENT = pathlib.Path(__file__).resolve().parents[2] / "agent"

SETTINGS = {
    "sync.json": {
        "directory": "/nowhere",
        "zone": "z.internal",
        "seconds": 1,
        "words": {"web": "webServer", "standby": "webServer", "app": "appServer", "db": "database"},
        "slots": {"web": 16, "standby": 16, "app": 16, "db": 16},
        "nudges": {},
    },
    "agent.json": {"name": "db-1", "roles": ["database"], "maxLagSeconds": 5, "domain": "www.example.com", "checks": []},
    "claim.json": {"type": "digitalocean", "address": "127.0.0.1"},
    "database.json": {"name": "db-1", "zone": "z.internal", "database": "site", "needsReplica": False},
}


class MySQLError(Exception):
    pass


class OperationalError(MySQLError):
    pass


def load(program, **changes):
    """Imports a program as a module, with settings as a host would have them."""
    read_text = pathlib.Path.read_text

    def settings(path, *arguments, **named):
        if str(path).startswith("/etc/webinfra/"):
            return json.dumps({**SETTINGS[path.name], **changes})
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


class Slots(unittest.TestCase):
    def setUp(self):
        self.sync = load("sync")
        self.words = SETTINGS["sync.json"]["words"]
        self.limits = SETTINGS["sync.json"]["slots"]

    def assign(self, remembered, listed):
        return self.sync.assign(remembered, listed, self.words, self.limits)

    def test_own_number_is_preferred(self):
        slots = self.assign({}, [a_machine("web-3"), a_machine("web-1")])
        self.assertEqual(slots["web"], {"web-3-1": 3, "web-1-1": 1})

    def test_a_replacement_gets_the_highest_free_slot_and_keeps_it(self):
        old, new = a_machine("web-1"), a_machine("web-1", 2)
        before = self.assign({}, [old])
        during = self.assign(before, [new, old])
        self.assertEqual(during["web"], {"web-1-1": 1, "web-1-2": 16})
        self.assertEqual(self.assign(during, [new])["web"], {"web-1-2": 16})

    def test_a_host_without_a_number_gets_a_slot(self):
        self.assertEqual(self.assign({}, [a_machine("nginx")])["web"], {"nginx-1": 16})

    def test_passive_web_servers_have_slots_apart(self):
        slots = self.assign({}, [a_machine("web-1"), a_machine("web-2", standby=True)])
        self.assertEqual((slots["web"], slots["standby"]), ({"web-1-1": 1}, {"web-2-1": 2}))

    def test_a_web_server_that_becomes_passive_moves(self):
        before = self.assign({}, [a_machine("web-2")])
        after = self.assign(before, [a_machine("web-2", standby=True)])
        self.assertEqual((after["web"], after["standby"]), ({}, {"web-2-1": 2}))

    def test_each_role_has_its_own_slots(self):
        slots = self.assign({}, [a_machine("server-1", roles=("webServer", "appServer", "database"))])
        self.assertEqual({word: slots[word] for word in ("web", "app", "db")}, {word: {"server-1-1": 1} for word in ("web", "app", "db")})

    def test_a_balancer_has_none(self):
        self.assertEqual(self.assign({}, [a_machine("lb-1", roles=("loadBalancer",))]), {word: {} for word in self.words})

    def test_one_machine_too_many_is_said_and_the_others_stay(self):
        self.limits = {**self.limits, "web": 2}
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            slots = self.assign({}, [a_machine("web-1"), a_machine("web-2"), a_machine("web-3")])
        self.assertEqual(slots["web"], {"web-1-1": 1, "web-2-1": 2})
        self.assertEqual(errors.getvalue(), "no free slot for web-3-1 among 2 of web\n")

    def test_whatever_comes_and_goes_no_slot_is_shared_and_none_changes(self):
        for seed in range(60):
            draw = random.Random(seed)
            remembered, alive = {}, {}
            for generation in range(40):
                for gone in draw.sample(sorted(alive), draw.randint(0, len(alive) // 2)):
                    del alive[gone]
                for _ in range(draw.randint(0, 3)):
                    if len(alive) < 16:
                        made = a_machine(f"web-{draw.randint(1, 8)}", f"{generation}{draw.random()}", draw.choice([("webServer",), ("webServer", "database")]))
                        alive[made["machine"]] = made
                listed = draw.sample(list(alive.values()), len(alive))
                slots = json.loads(json.dumps(self.assign(remembered, listed)))
                for word, held in slots.items():
                    self.assertEqual(len(set(held.values())), len(held), (seed, generation, word))
                    self.assertTrue(all(1 <= slot <= 16 for slot in held.values()))
                    for machine, slot in held.items():
                        self.assertEqual(remembered.get(word, {}).get(machine, slot), slot, (seed, generation, word))
                self.assertEqual(set(slots["web"]), set(alive))
                remembered = slots


class Names(Scratch):
    def setUp(self):
        super().setUp()
        self.sync = load("sync")
        self.hosts = self.sync.HOSTS = self.folder / "hosts"
        self.sync.COPY = self.folder / "channel"
        self.sync.SLOTS = self.folder / "slots.json"
        (self.sync.COPY / "inventory").mkdir(parents=True)

    def put(self, entry):
        (self.sync.COPY / "inventory" / f"{entry['machine']}.json").write_text(json.dumps(entry))

    def test_are_the_hosts_own_and_its_slots(self):
        web = {**a_machine("web-1"), "address": "10.0.0.7"}
        lines = self.sync.names([web], {"web": {"web-1-1": 3}, "db": {}}, "z.internal")
        self.assertEqual(lines, ["10.0.0.7 web-1.z.internal", "10.0.0.7 s3.web.z.internal"])

    def test_stand_in_a_block_of_their_own_and_leave_the_rest(self):
        self.hosts.write_text("127.0.0.1 localhost\n# by hand\n10.9.9.9 mine")
        self.assertTrue(self.sync.write_names(["10.0.0.1 a"]))
        self.assertEqual(self.hosts.read_text(), "127.0.0.1 localhost\n# by hand\n10.9.9.9 mine\n# webinfra begin\n10.0.0.1 a\n# webinfra end\n")
        self.assertEqual(self.hosts.stat().st_mode & 0o777, 0o644)

    def test_are_written_again_only_when_they_change(self):
        self.hosts.write_text("127.0.0.1 localhost\n")
        draw = random.Random(1)
        for _ in range(50):
            lines = [f"10.0.0.{draw.randint(1, 3)} a" for _ in range(draw.randint(0, 3))]
            self.sync.write_names(lines)
            once = self.hosts.read_text()
            self.assertFalse(self.sync.write_names(lines))
            self.assertEqual(self.hosts.read_text(), once)
            self.assertEqual(once.count("# webinfra begin"), 1)
            self.assertTrue(once.startswith("127.0.0.1 localhost\n"))
        self.assertEqual([path.name for path in self.folder.glob("hosts*")], ["hosts"])

    def test_follow_the_inventory(self):
        self.hosts.write_text("")
        self.put({**a_machine("web-1"), "address": "10.0.0.7"})
        with said() as printed:
            self.sync.apply()
            self.sync.apply()
        self.assertEqual(printed.getvalue(), "1 machines are listed\n")
        self.assertIn("10.0.0.7 s1.web.z.internal\n", self.hosts.read_text())
        self.assertEqual(json.loads(self.sync.SLOTS.read_text())["web"], {"web-1-1": 1})

    def test_are_none_of_a_machine_that_left(self):
        self.hosts.write_text("")
        self.put(a_machine("web-1"))
        with said():
            self.sync.apply()
            (self.sync.COPY / "inventory/web-1-1.json").unlink()
            self.sync.apply()
        self.assertEqual(self.hosts.read_text(), "# webinfra begin\n# webinfra end\n")

    def test_an_entry_without_standby_is_active(self):
        entry = a_machine("web-1")
        del entry["standby"]
        self.put(entry)
        self.assertEqual(self.sync.machines(), [a_machine("web-1")])

    def test_half_a_file_of_slots_ends_nothing(self):
        self.put(a_machine("web-1"))
        self.hosts.write_text("")
        self.sync.SLOTS.write_text('{"web": {"web-')
        with said():
            self.sync.apply()
        self.assertEqual(json.loads(self.sync.SLOTS.read_text())["web"], {"web-1-1": 1})

    def test_half_an_entry_changes_nothing(self):
        self.hosts.write_text("kept\n")
        self.put({"machine": "x"})
        with self.assertRaises(KeyError):
            self.sync.apply()
        self.assertEqual(self.hosts.read_text(), "kept\n")

    def test_a_directory_is_copied_whole_but_for_archives(self):
        self.sync.SETTINGS["directory"] = "/nowhere"
        with mock.patch.object(self.sync, "rclone") as rclone:
            self.sync.pull()
        rclone.assert_called_once_with("sync", "channel:", str(self.sync.COPY), "--exclude", "/releases/**", "--exclude", "/kits/**")

    def test_the_version_in_a_bucket_is_copied_and_never_listed(self):
        del self.sync.SETTINGS["directory"]
        self.sync.VERSION = self.folder / "version"

        def rclone(*arguments):
            self.assertEqual(arguments, ("copyto", "--ignore-times", "channel:version", str(self.sync.VERSION)))
            self.sync.VERSION.write_text("7")

        with mock.patch.object(self.sync, "rclone", rclone):
            self.assertEqual(self.sync.version(), "7")

    def test_of_a_bucket_only_the_two_folders_that_a_host_may_list_are_asked_for(self):
        del self.sync.SETTINGS["directory"]
        with mock.patch.object(self.sync, "rclone") as rclone:
            self.sync.pull()
        self.assertEqual([call.args[:2] for call in rclone.call_args_list], [("sync", "channel:inventory"), ("sync", "channel:pointers")])

    def test_a_directory_is_asked_for_its_version_without_rclone(self):
        (self.folder / "version").write_text("7")
        self.sync.SETTINGS["directory"] = str(self.folder)
        self.assertEqual(self.sync.version(), "7")


class ClaimingTheAddress(unittest.TestCase):
    def setUp(self):
        self.claim = load("claim")
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.claim.TOKEN = self.folder / "token"
        self.claim.TOKEN.write_text("fake-token\n")

    def test_is_done_once_by_a_balancer_that_can_serve_pages(self):
        self.assertTrue(self.claim.wanted(2, claimed=False, unanswered=0))
        self.assertFalse(self.claim.wanted(2, claimed=True, unanswered=0))
        self.assertFalse(self.claim.wanted(0, claimed=False, unanswered=0))

    def test_is_done_when_the_address_answers_nobody(self):
        self.assertFalse(self.claim.wanted(0, claimed=True, unanswered=self.claim.LOOKS - 1))
        self.assertTrue(self.claim.wanted(0, claimed=True, unanswered=self.claim.LOOKS))

    def test_is_never_done_by_a_balancer_that_does_not_answer_itself(self):
        for claimed in (False, True):
            self.assertFalse(self.claim.wanted(None, claimed, unanswered=99))

    def test_counts_no_silence_while_this_host_has_no_way_out(self):
        looks = []

        def wanted(here, claimed, unanswered):
            looks.append(unanswered)
            return False

        machine = self.folder / "machine.env"
        machine.write_text("MACHINE_ID=42\nPRIVATE_ADDRESS=10.0.0.1\n")
        self.claim.CLAIMED = self.folder / "claimed"
        ways = iter([True, True, False, True, True])
        read_text = pathlib.Path.read_text
        with (
            mock.patch.object(self.claim, "held", lambda: False),
            mock.patch.object(self.claim, "way_out", lambda: next(ways)),
            mock.patch.object(self.claim, "balancer", lambda address: None),
            mock.patch.object(self.claim, "wanted", wanted),
            mock.patch.object(self.claim.time, "sleep"),
            mock.patch.object(pathlib.Path, "read_text", lambda path: read_text(machine if path.name == "machine.env" else path)),
            self.assertRaises((StopIteration, RuntimeError)),
        ):
            self.claim.main()
        self.assertEqual(looks, [1, 2, 0, 1, 2])

    def test_is_held_when_digitalocean_says_so(self):
        for said, expected in (("true", True), ("false", False)):
            with mock.patch.object(self.claim, "metadata", lambda path, said=said: said if path.endswith("/reserved_ip/ipv4/active") else None):
                self.assertEqual(self.claim.held(), expected)

    def test_is_held_on_aws_by_the_machine_whose_public_address_it_is(self):
        self.claim.SETTINGS.update(type="aws", address="203.0.113.7")
        for said, expected in (("203.0.113.7", True), ("203.0.113.8", False)):
            answers = {"latest/api/token": "t", "latest/meta-data/public-ipv4": said}
            with mock.patch.object(self.claim, "metadata", lambda path, *_, answers=answers, **__: answers[path]):
                self.assertEqual(self.claim.held(), expected)

    def test_is_not_held_when_nobody_can_say(self):
        with mock.patch.object(self.claim, "metadata", side_effect=OSError):
            self.assertFalse(self.claim.held())

    def test_on_aws_names_the_address_and_this_machine(self):
        self.claim.SETTINGS.update(type="aws", region="eu-central-1", allocationId="eipalloc-1")
        with mock.patch.object(self.claim.subprocess, "run") as run:
            self.claim.claim_aws("i-1")
        command = " ".join(run.call_args.args[0])
        self.assertEqual(command, "aws ec2 associate-address --cli-connect-timeout 5 --cli-read-timeout 10 --region eu-central-1 --allocation-id eipalloc-1 --instance-id i-1 --allow-reassociation")

    def test_on_digitalocean_waits_until_the_platform_has_done_it(self):
        asked, statuses = [], ["in-progress", "in-progress", "completed"]

        def api(method, path, body=None):
            asked.append((method, path, body))
            return {"action": {"id": 7, "status": statuses.pop(0)}}

        with mock.patch.object(self.claim, "digitalocean", api), mock.patch.object(self.claim.time, "sleep"):
            self.claim.claim_digitalocean("42")
        path = "/reserved_ips/127.0.0.1/actions"
        self.assertEqual(asked, [("POST", path, {"type": "assign", "droplet_id": 42}), ("GET", f"{path}/7", None), ("GET", f"{path}/7", None)])

    def test_on_digitalocean_says_when_the_platform_did_not(self):
        with mock.patch.object(self.claim, "digitalocean", lambda *_: {"action": {"id": 7, "status": "errored"}}):
            with self.assertRaisesRegex(ValueError, "the platform answers errored"):
                self.claim.claim_digitalocean("42")

    def test_sends_the_token_in_a_header_over_https(self):
        with mock.patch.object(self.claim.urllib.request, "urlopen") as urlopen:
            urlopen.return_value.__enter__.return_value = io.StringIO('{"action": {}}')
            self.claim.digitalocean("POST", "/reserved_ips/x/actions", {"type": "assign"})
        sent = urlopen.call_args.args[0]
        self.assertEqual(sent.get_header("Authorization"), "Bearer fake-token")
        self.assertTrue(sent.full_url.startswith("https://api.digitalocean.com/v2/reserved_ips/"))


PRIMARY = {"ro": 0, "sro": 0}
REPLICA = {"ro": 1, "sro": 1, "io": "ON", "applier": "ON", "contact": 0.4, "applying": 0, "coordinating": 0}


class Verdict(Scratch):
    def setUp(self):
        super().setUp()
        self.agent = load("agent")
        self.agent.RUN, self.agent.FENCED = self.folder, self.folder / "fenced"

    def verdict(self, row, age=0.0):
        database = self.agent.Database()
        database.row, database.at, database.error = row, self.agent.time.monotonic() - age, ""
        return database.verdict()

    def short(self, row, age=0.0):
        found = self.verdict(row, age)
        return found["role"], found["writable"], found["replica"], found["stale"]

    def test_a_server_open_for_writes_is_the_primary(self):
        self.assertEqual(self.short(PRIMARY), ("primary", True, False, False))

    def test_a_server_half_open_is_nothing(self):
        self.assertEqual(self.short({"ro": 1, "sro": 0}), ("none", False, False, False))

    def test_a_replica_within_the_bound_is_read(self):
        self.assertEqual(self.short(REPLICA), ("replica", False, True, True))
        self.assertEqual(self.verdict(REPLICA)["lagSeconds"], 0)

    def test_a_replica_says_what_it_has_and_what_it_was_sent(self):
        found = self.verdict({**REPLICA, "executed": "a:1-5", "received": "a:3-7"})
        self.assertEqual((found["executed"], found["received"]), ("a:1-5", "a:3-7"))
        self.assertEqual(self.verdict({**PRIMARY, "received": None})["received"], "")

    def test_a_replica_behind_is_stale(self):
        for key in ("applying", "coordinating", "contact"):
            self.assertEqual(self.short({**REPLICA, key: 7.5}), ("replica", False, False, True), key)
        self.assertEqual(self.verdict({**REPLICA, "applying": 7.5})["lagSeconds"], 7.5)

    def test_a_replica_that_lost_its_source_is_stale(self):
        for io in ("CONNECTING", "OFF", None):
            self.assertEqual(self.short({**REPLICA, "io": io}), ("replica", False, False, True))

    def test_a_replica_whose_applier_stopped_is_none(self):
        self.assertEqual(self.short({**REPLICA, "applier": "OFF"}), ("none", False, False, False))

    def test_a_replica_that_heard_nothing_yet_has_no_lag(self):
        self.assertEqual(self.short({**REPLICA, "contact": None, "applying": None, "coordinating": None}), ("replica", False, True, True))

    def test_an_answer_that_is_old_counts_for_nothing(self):
        self.assertEqual(self.short(PRIMARY, age=3), ("none", False, False, False))
        self.assertEqual(self.short(REPLICA, age=3), ("none", False, False, False))

    def test_a_primary_that_may_not_open_yet_is_read(self):
        self.agent.POINTER = self.folder / "primary.json"
        self.agent.POINTER.write_text('{"primary": "db-1", "epoch": 3}')
        closed = {"ro": 1, "sro": 1, "applier": "OFF"}
        self.assertEqual(self.short(closed), ("none", False, False, False))
        (self.folder / "holds").write_text("yes")
        self.assertEqual(self.short(closed), ("none", False, False, True))
        self.agent.POINTER.write_text('{"primary": "db-2", "epoch": 4}')
        self.assertEqual(self.short(closed), ("none", False, False, False))

    def test_a_fenced_server_says_so(self):
        (self.folder / "fenced").write_text("has transactions that db-2 lacks: x\n")
        found = self.verdict({"ro": 1, "sro": 1, "applier": "OFF"})
        self.assertEqual((found["role"], found["fenced"]), ("fenced", "has transactions that db-2 lacks: x"))
        self.assertFalse(found["replica"] or found["stale"])

    def test_before_the_first_answer_it_is_none(self):
        found = self.agent.Database().verdict()
        self.assertEqual((found["role"], found["writable"], found["stale"], found["error"]), ("none", False, False, "not asked yet"))

    def test_never_primary_and_replica_at_once(self):
        draw = random.Random(2)
        for _ in range(500):
            row = {"ro": draw.choice([0, 1, None]), "sro": draw.choice([0, 1, None]), "io": draw.choice(["ON", "OFF", None]), "applier": draw.choice(["ON", "OFF", None]), "contact": draw.choice([None, 0, 9])}
            found = self.verdict(row, draw.choice([0, 9]))
            self.assertFalse(found["writable"] and found["stale"])
            self.assertTrue(found["stale"] or not found["replica"])


class State(Scratch):
    def host(self, **settings):
        self.agent = load("agent", **settings)
        self.agent.RUN, self.agent.FENCED = self.folder, self.folder / "fenced"
        self.agent.machine = lambda: "m-1"
        return self.agent.Host()

    def poll(self, host):
        host.poll()
        return host.state

    def test_a_host_that_did_not_converge_is_not_healthy(self):
        host = self.host(name="lb-1", roles=["loadBalancer"])
        self.assertEqual(self.poll(host)["error"], "converge is not started")
        (self.folder / "converge").write_text("failed\n30-packages\n")
        state = self.poll(host)
        self.assertEqual((state["healthy"], state["converge"], state["step"], state["error"]), (False, "failed", "30-packages", "converge is failed 30-packages"))

    def test_a_converged_host_is_healthy(self):
        host = self.host(name="lb-1", roles=["loadBalancer"])
        (self.folder / "converge").write_text("done\n\n")
        self.assertEqual(self.poll(host), {"machine": "m-1", "name": "lb-1", "roles": ["loadBalancer"], "converge": "done", "step": "", "healthy": True, "error": None})

    def test_every_problem_is_named(self):
        host = self.host(name="web-1", roles=["webServer", "appServer"], checks=[{"name": "Nginx", "port": 1, "path": "/"}])
        (self.folder / "converge").write_text("done\n\n")
        (self.folder / "release.json").write_text(json.dumps({"running": "a", "error": "did not become healthy"}))
        state = self.poll(host)
        self.assertEqual((state["release"], state["error"]), ("a", "Nginx does not answer; release: did not become healthy"))

    def test_half_a_file_ends_nothing(self):
        host = self.host(name="db-1", roles=["database"])
        self.agent.POINTER = self.folder / "primary.json"
        self.agent.POINTER.write_text('{"epo')
        (self.folder / "release.json").write_text('{"run')
        self.assertIsNone(self.poll(host)["database"]["epoch"])

    def test_a_web_host_without_a_release_is_not_healthy(self):
        host = self.host(name="web-1", roles=["webServer", "appServer"])
        (self.folder / "converge").write_text("done\n\n")
        self.assertEqual(self.poll(host)["error"], "release: none runs yet")

    def test_a_database_that_does_not_serve_is_not_healthy(self):
        host = self.host()
        (self.folder / "converge").write_text("done\n\n")
        # pymysql comes with the host's packages, which are not there when the agent starts.
        with mock.patch.dict(sys.modules, {"pymysql": None}):
            host.database.poll()
        state = self.poll(host)
        self.assertEqual((state["healthy"], state["error"]), (False, "MySQL is none: not asked yet"))

    def test_answers_over_http(self):
        host = self.host()
        host.database.row, host.database.at = REPLICA, self.agent.time.monotonic() + 60
        host.state = {"machine": "m-1"}
        server = ThreadingHTTPServer(("127.0.0.1", 0), self.agent.handler(host))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        found = {}
        for path in ("/state", "/primary", "/replica", "/stale", "/else"):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=5) as answer:
                    found[path] = answer.status
                    body = json.load(answer)
            except urllib.error.HTTPError as error:
                found[path] = error.code
                error.close()
        self.assertEqual(found, {"/state": 200, "/primary": 503, "/replica": 200, "/stale": 200, "/else": 404})
        self.assertEqual((body["machine"], body["database"]["role"]), ("m-1", "replica"))


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
            mine = Connection({"select @@global.read_only": answer(0), "select 1 from mysql.user": rows})
            self.program.local = lambda mine=mine: mine
            self.point("db-1", 1)
            self.program.turn(("lead", 1))
            self.assertEqual((self.folder / "holds").read_text(), word)

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
