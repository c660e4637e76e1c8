"""Settings that change in place: what is applied, what is refused, and what stays as it was then."""

import json
import random
from collections.abc import Mapping, Sequence

import pytest

from tests.fakes import FakeClock, FakeCommands, MemoryFiles, Said
from webinfra import places
from webinfra.database.mysql import MySQLFailed
from webinfra.live_settings import VARIABLES, Apply, Settings, World, environment_text, key
from webinfra.outside import Failed

CHANNEL = f"{places.CHANNEL}/settings/db-1.json"
PROXY = "/etc/haproxy/haproxy.cfg"
# Of MySQL: "is a read only variable", "unknown system variable", "can't be set to the value", "incorrect argument type", "lost connection".
READ_ONLY, UNKNOWN, WRONG_VALUE, TYPE, LOST = 1238, 1193, 1231, 1232, 2013


class MySQL:
    """A server that knows these variables."""

    def __init__(self) -> None:
        self.set: dict[str, object] = {}
        # What it started with.
        self.has: dict[str, object] = {}
        self.fails: dict[str, int] = {}
        self.uptime = 100
        self.closed = 0
        # How often it still says that it resizes its buffer pool.
        self.resizes = 0
        # By variable, what gives the most that it may be.
        self.bounds: dict[str, str] = {}

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> Sequence[Mapping[str, object]]:
        if statement.startswith("select"):
            return ({"seconds": str(self.uptime)},)
        if statement == "show warnings":
            self.resizes -= 1
            return ({"Code": 3166},) if self.resizes >= 0 else ()
        if statement.startswith("show"):
            shown = str(arguments[0]).replace("\\_", "_")
            return ({"Variable_name": shown, "Value": str(self.has[shown])},) if shown in self.has else ()
        name = statement.split()[2]
        wanted = arguments[0] if arguments else "default"
        number = self.fails.get(f"{name}={wanted}", self.fails.get(name))
        if number is not None and not (number == TYPE and isinstance(wanted, str)):
            raise MySQLFailed(number, f"no {name}")
        self.set[name] = wanted
        self.has[name] = wanted
        bound = self.has.get(self.bounds.get(name, ""))
        if isinstance(wanted, int) and isinstance(bound, int):
            self.has[name] = min(wanted, bound)
        return ()

    def close(self) -> None:
        self.closed += 1


class Host:
    def __init__(self, **files: str) -> None:
        self.files = MemoryFiles(**files)
        self.clock = FakeClock()
        self.mysql = MySQL()
        self.log = Said()
        self.mysql_state = "active"
        # What `mysqld --validate-config` says; None: nothing.
        self.complaint: str | None = None
        self.validated = ""
        # What the release program comes to.
        self.release: dict[str, object] = {"wanted": "a", "running": "a", "error": "", "unfit": False}
        # The variables that it had begun with before anybody waited for it; None: those that there are.
        self.begun: str | None = None
        self.opened = "{}"
        self.commands = FakeCommands(self.answer)

    def answer(self, command: Sequence[str]) -> str:
        match command:
            case ("systemctl", "show", *_):
                return f"{self.mysql_state}\n"
            case ("/usr/sbin/mysqld", defaults, *_):
                self.validated = self.files.read(defaults.partition("=")[2]) or ""
                if self.complaint is not None:
                    raise Failed(self.complaint)
            case ("systemctl", "start", "webinfra-release.service"):
                self.files.put(places.RELEASE_STATUS, self.release)
                if self.release["unfit"] and self.begun != "":
                    self.files.texts[f"{places.ENVIRONMENT}.green"] = self.begun or self.files.texts[places.ENVIRONMENT]
                if self.release["error"]:
                    raise Failed("systemctl failed (1)")
                self.files.texts[f"{places.ENVIRONMENT}.green"] = self.files.texts[places.ENVIRONMENT]
                self.files.texts[places.ACTIVE] = "green a\n"
            case ("age", *_):
                return self.opened
            case ("/usr/local/lib/webinfra/install-packages", "age"):
                pass
            case _:
                raise AssertionError(command)
        return ""

    @property
    def program(self) -> Apply:
        return Apply(Settings("db-1", None, (PROXY,)), World(self.files, self.clock, self.commands, lambda _: self.mysql, self.log))

    def want(self, **changes: object) -> str:
        """Puts settings into the host's copy of the channel."""
        text = json.dumps(
            {"version": 2, "host": "db-1", "domain": "www.example.com", "application": None, "database": None, "sealed": None} | changes
        )
        self.files.texts[CHANNEL] = text
        return text

    def state(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.files.texts[places.SETTINGS_STATUS])
        return found

    def refusal(self) -> str:
        refused = self.state()["refused"]
        assert isinstance(refused, dict)
        return str(refused["reason"])


def database(**variables: str) -> dict[str, object]:
    return {"variables": variables, "durability": "prefer", "maxLagSeconds": 5}


@pytest.fixture
def host() -> Host:
    return Host()


class TestTheFirst:
    def test_come_from_the_channel_and_only_files_are_written(self, host: Host) -> None:
        host.mysql_state = "activating"
        host.want(application={"environment": {"A": "1"}}, database=database(wait_timeout="9"))
        text = host.files.texts.pop(CHANNEL)
        asked: list[str] = []

        class Channel:
            def one(self, name: str) -> str:
                asked.append(name)
                return text

        host.program.begin(Channel())
        assert asked == [key("db-1")]
        assert host.commands.run_ == []
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"
        assert host.files.texts[places.ENVIRONMENT] == 'A="1"\n'
        assert places.ENVIRONMENT in host.files.private
        assert host.files.texts[places.APPLIED] == text
        asked.clear()
        host.program.begin(Channel())
        assert asked == []

    def test_are_waited_for(self, host: Host) -> None:
        class Empty:
            def one(self, name: str) -> None:
                del name

        with pytest.raises(Failed, match=r"^the channel has no settings/db-1\.json yet$"):
            host.program.begin(Empty())

    def test_that_are_refused_leave_a_host_that_waits_for_better_ones(self, host: Host) -> None:
        good = host.want()
        found = host.want(host="db-2")

        class Channel:
            def one(self, name: str) -> str:
                assert name == key("db-1")
                return found

        with pytest.raises(Failed, match=r"^there are no settings that this host can use$"):
            host.program.begin(Channel())
        assert host.refusal() == "they are those of db-2"
        found = good
        host.program.begin(Channel())
        assert host.files.texts[places.APPLIED] == good


class TestMySQL:
    def applied(self, host: Host, **variables: str) -> None:
        host.want(database=database(**variables))
        host.program.run()
        host.mysql.set.clear()

    def test_gets_what_changed_and_nothing_else(self, host: Host) -> None:
        self.applied(host, wait_timeout="9", max_connections="100", sort_buffer_size="1M")
        text = host.want(database=database(wait_timeout="10", max_connections="100", innodb_buffer_pool_size="2G", long_query_time="0.5"))
        host.program.run()
        assert host.mysql.set == {"wait_timeout": 10, "innodb_buffer_pool_size": 2**31, "long_query_time": 0.5, "sort_buffer_size": "default"}
        assert host.files.texts[places.APPLIED] == text
        assert host.mysql.closed == 2

    def test_is_given_texts_as_texts(self, host: Host) -> None:
        self.applied(host)
        host.mysql.fails["init_connect"] = TYPE
        host.want(database=database(sql_mode='"ANSI,STRICT_ALL_TABLES"', event_scheduler="OFF", init_connect="1"))
        host.program.run()
        assert host.mysql.set == {"sql_mode": "ANSI,STRICT_ALL_TABLES", "event_scheduler": "OFF", "init_connect": "1"}

    def test_validates_its_whole_configuration_first(self, host: Host) -> None:
        folder = "/etc/mysql/mysql.conf.d"
        host.files.texts |= {f"{folder}/zz-webinfra.cnf": "first", f"{folder}/zzz-webinfra-address.cnf": "last", f"{folder}/notes.txt": "no"}
        self.applied(host, wait_timeout="9")
        assert host.validated == "first\n[mysqld]\nwait_timeout = 9\n\nlast"
        host.complaint = (
            "/usr/sbin/mysqld failed (1): 2026-11-27T18:00:00.000000Z 0 [ERROR] [MY-000067] [Server] unknown variable 'wait_tmeout=9'.\n"
            "2026-11-27T18:00:00.000000Z 0 [ERROR] [MY-010119] [Server] Aborting"
        )
        before = dict(host.files.texts)
        host.want(database=database(wait_tmeout="9"))
        host.program.run()
        assert host.refusal() == "MySQL refuses its configuration: unknown variable 'wait_tmeout=9'."
        for path in (VARIABLES, places.APPLIED):
            assert host.files.texts[path] == before[path]
        assert host.mysql.set == {}
        assert "/etc/mysql/webinfra-candidate.cnf" not in host.files.texts

    @pytest.mark.parametrize("words", ["did not end within 60 s", "failed (-9): ", ": [Errno 2] No such file or directory"])
    def test_that_could_not_validate_is_asked_again(self, host: Host, words: str) -> None:
        self.applied(host, wait_timeout="9")
        host.complaint = f"/usr/sbin/mysqld {words}"
        host.want(database=database(wait_timeout="10"))
        with pytest.raises(Failed):
            host.program.run()
        assert host.state()["refused"] is None
        assert host.state()["waiting"] == host.complaint

    def test_is_left_as_it_was_by_a_value_that_it_does_not_take(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        before = host.files.texts[places.APPLIED]
        good = host.state()["applied"]
        host.mysql.fails["sql_mode"] = WRONG_VALUE
        host.want(database=database(wait_timeout="10", max_connections="7", sql_mode="WRONG"))
        host.program.run()
        assert host.refusal() == "MySQL does not take sql_mode = WRONG: no sql_mode (1231)"
        assert host.mysql.set == {"wait_timeout": 9, "max_connections": "default"}
        assert host.files.texts[places.APPLIED] == before
        assert host.state()["applied"] == good

    def test_refuses_what_its_data_would_not_start_with(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        host.mysql.fails["lower_case_table_names"] = READ_ONLY
        host.mysql.has["lower_case_table_names"] = 0
        host.want(database=database(wait_timeout="10", lower_case_table_names="1"))
        host.program.run()
        assert host.refusal() == "MySQL does not start with another lower_case_table_names than its data have: 1"
        assert host.mysql.set == {"wait_timeout": 9}
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"
        # What they have may be said.
        host.want(database=database(wait_timeout="10", lower_case_table_names="0"))
        host.program.run()
        assert host.state()["refused"] is None

    def test_says_what_it_reads_at_its_start(self, host: Host) -> None:
        self.applied(host, innodb_read_io_threads="4")
        host.mysql.fails["innodb_read_io_threads"] = READ_ONLY
        host.want(database=database(innodb_read_io_threads="2"))
        host.program.run()
        words = ["innodb_read_io_threads takes effect when MySQL starts next"]
        assert host.state()["pending"] == words
        # As long as MySQL runs, whatever else changes.
        host.clock.seconds += 50
        host.mysql.uptime += 50
        host.want(database=database(innodb_read_io_threads="2", wait_timeout="3"))
        host.program.run()
        assert host.state()["pending"] == words
        host.clock.seconds += 50
        host.mysql.uptime = 10
        host.program.run()
        assert host.state()["pending"] == []

    def test_waits_for_no_start_with_what_it_has(self, host: Host) -> None:
        self.applied(host, innodb_read_io_threads="4", innodb_buffer_pool_chunk_size="1M")
        host.mysql.fails |= {"innodb_read_io_threads": READ_ONLY, "innodb_buffer_pool_chunk_size": READ_ONLY}
        host.mysql.has |= {"innodb_read_io_threads": 4, "innodb_buffer_pool_chunk_size": 2**20}
        words = [f"innodb_{name} takes effect when MySQL starts next" for name in ("buffer_pool_chunk_size", "read_io_threads", "write_io_threads")]
        for variables, pending in (
            ({"innodb_read_io_threads": "2", "innodb_buffer_pool_chunk_size": "2M"}, words[:2]),
            ({"innodb_read_io_threads": "4", "innodb_buffer_pool_chunk_size": "1M"}, []),
            ({"innodb_read_io_threads": "4"}, words[:1]),
        ):
            host.want(database=database(**variables))
            host.program.run()
            assert host.state()["pending"] == pending
        # Nobody chose it before; then somebody does, and takes it back.
        host.mysql.fails["innodb_write_io_threads"] = READ_ONLY
        for variables, pending in (({"innodb_write_io_threads": "2"}, [words[0], words[2]]), ({}, words[:1])):
            host.want(database=database(innodb_read_io_threads="4", **variables))
            host.program.run()
            assert host.state()["pending"] == pending

    def test_need_not_know_what_is_loose(self, host: Host) -> None:
        self.applied(host)
        host.mysql.fails |= {"rpl_semi_sync_source_timeout": UNKNOWN, "skip_external_locking": UNKNOWN}
        host.want(database=database(loose_rpl_semi_sync_source_timeout="1000", skip_external_locking="ON"))
        host.program.run()
        assert host.state()["pending"] == ["skip_external_locking takes effect when MySQL starts next"]

    def test_that_does_not_run_reads_them_when_it_starts(self, host: Host) -> None:
        host.mysql_state = "inactive"
        host.want(database=database(wait_timeout="9"))
        host.program.run()
        assert host.mysql.set == {}
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"

    @pytest.mark.parametrize("state", ["activating", "deactivating"])
    def test_that_is_on_its_way_is_waited_for(self, host: Host, state: str) -> None:
        host.mysql_state = state
        host.want(database=database(wait_timeout="9"))
        with pytest.raises(Failed, match=f"^MySQL is {state}$"):
            host.program.run()
        assert host.state() == {"applied": "", "refused": None, "waiting": f"MySQL is {state}", "pending": []}

    def test_that_cannot_start_is_given_what_lets_it_start(self, host: Host) -> None:
        self.applied(host, lower_case_table_names="1")
        host.mysql_state = "activating"
        text = host.want(database=database(wait_timeout="9"))
        with pytest.raises(Failed, match=r"^MySQL is activating$"):
            host.program.run()
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"
        assert host.validated == "[mysqld]\nwait_timeout = 9\n"
        host.mysql_state = "active"
        host.mysql.fails["lower_case_table_names"] = READ_ONLY
        host.mysql.uptime = 1
        host.clock.seconds += 100
        host.program.run()
        assert host.files.texts[places.APPLIED] == text
        # It has started without it.
        assert host.state()["pending"] == []

    def test_that_started_with_what_it_does_not_take_later_gets_back_what_it_had(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        host.mysql_state = "activating"
        host.want(database=database(wait_timeout="10", sql_mode="WRONG"))
        with pytest.raises(Failed):
            host.program.run()
        host.mysql_state = "active"
        host.mysql.fails["sql_mode"] = WRONG_VALUE
        host.program.run()
        assert host.refusal() == "MySQL does not take sql_mode = WRONG: no sql_mode (1231)"
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"
        assert host.mysql.set["wait_timeout"] == 9

    def test_gets_back_what_a_run_set_that_was_cut_short(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        before = host.files.texts[places.APPLIED]
        host.mysql.fails["sort_buffer_size"] = LOST
        host.want(database=database(max_connections="7", wait_timeout="10", sort_buffer_size="1M"))
        with pytest.raises(MySQLFailed):
            host.program.run()
        # The edit is taken back before the next try.
        host.mysql.fails.clear()
        host.files.texts[CHANNEL] = before
        host.program.run()
        assert host.mysql.set == {"wait_timeout": 9, "max_connections": "default", "sort_buffer_size": "default"}
        host.mysql.set.clear()
        host.program.run()
        assert host.mysql.set == {}

    def test_gets_what_a_bound_that_came_after_it_had_cut_short(self, host: Host) -> None:
        self.applied(host)
        host.mysql.bounds["innodb_io_capacity"] = "innodb_io_capacity_max"
        host.mysql.has["innodb_io_capacity_max"] = 20000
        host.want(database=database(innodb_io_capacity="50000", innodb_io_capacity_max="60000"))
        host.program.run()
        assert host.mysql.has["innodb_io_capacity"] == 50000

    def test_keeps_its_collation_when_its_character_set_changes(self, host: Host) -> None:
        self.applied(host, collation_server="utf8mb4_bin")
        for variables in ({"character_set_server": "utf8mb4", "collation_server": "utf8mb4_bin"}, {"collation_server": "utf8mb4_bin"}):
            host.mysql.set.clear()
            host.want(database=database(**variables))
            host.program.run()
            assert list(host.mysql.set) == ["character_set_server", "collation_server"]
            assert host.mysql.set["collation_server"] == "utf8mb4_bin"

    def test_is_given_its_buffer_pool_again_while_it_resizes_it(self, host: Host) -> None:
        self.applied(host)
        host.mysql.resizes = 3
        host.want(database=database(innodb_buffer_pool_size="2G"))
        host.program.run()
        assert host.clock.slept == [0.5] * 3
        host.mysql.resizes = 10_000
        host.want(database=database(innodb_buffer_pool_size="1G"))
        with pytest.raises(Failed, match=r"^MySQL is resizing its buffer pool, and does not take innodb_buffer_pool_size yet$"):
            host.program.run()

    def test_gets_back_what_it_started_with_meanwhile(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        before = host.files.texts[places.APPLIED]
        host.mysql_state = "activating"
        host.want(database=database(wait_timeout="10"))
        with pytest.raises(Failed):
            host.program.run()
        host.mysql_state = "active"
        host.files.texts[CHANNEL] = before
        host.program.run()
        assert host.mysql.set == {"wait_timeout": 9}
        assert host.files.texts[VARIABLES] == "[mysqld]\nwait_timeout = 9\n"

    def test_that_goes_away_meanwhile_is_tried_again(self, host: Host) -> None:
        self.applied(host, wait_timeout="9")
        good = host.state()["applied"]
        host.mysql.fails["max_connections"] = LOST
        host.want(database=database(wait_timeout="10", max_connections="7"))
        with pytest.raises(MySQLFailed):
            host.program.run()
        assert host.state()["applied"] == good
        assert host.state()["refused"] is None
        host.mysql.fails.clear()
        host.program.run()
        assert host.mysql.set == {"wait_timeout": 10, "max_connections": 7}


class TestTheApplication:
    def running(self, host: Host, **environment: str) -> None:
        """It runs as blue with this environment."""
        host.want(application={"environment": environment})
        host.program.run()
        host.files.texts[f"{places.ENVIRONMENT}.blue"] = host.files.texts[places.ENVIRONMENT]
        host.files.texts[places.ACTIVE] = "blue a\n"

    def test_is_started_anew_beside_the_one_that_runs(self, host: Host) -> None:
        self.running(host, A="1")
        host.want(application={"environment": {"A": "2"}})
        host.program.run()
        assert host.commands.lines() == ["systemctl start webinfra-release.service"]
        assert host.files.texts[f"{places.ENVIRONMENT}.green"] == 'A="2"\n'
        assert host.state()["refused"] is None

    def test_is_left_alone_when_its_variables_are_the_same(self, host: Host) -> None:
        self.running(host, A="1")
        host.want(application={"environment": {"A": "1"}}, domain="other.example.com")
        host.program.run()
        assert host.commands.run_ == []

    def test_keeps_those_that_it_had_when_it_does_not_become_healthy(self, host: Host) -> None:
        self.running(host, A="1")
        good = host.state()["applied"]
        host.release |= {"error": "release a did not become healthy: see journalctl -u webinfra-app@green", "unfit": True}
        host.want(application={"environment": {"A": "2"}})
        host.program.run()
        assert host.refusal() == (
            "the application does not become healthy with its environment, and goes on with the one before: "
            "release a did not become healthy: see journalctl -u webinfra-app@green"
        )
        assert host.files.texts[places.ENVIRONMENT] == 'A="1"\n'
        assert host.state()["applied"] == good
        # The second takes from the host's health what the first said.
        assert host.commands.lines() == ["systemctl start webinfra-release.service"] * 2

    def test_is_judged_without_any_variables_too(self, host: Host) -> None:
        self.running(host, A="1")
        host.release |= {"error": "release a did not become healthy: no", "unfit": True}
        # The release program writes no file of none.
        host.begun = ""
        host.want(application={"environment": {}})
        host.program.run()
        assert "does not become healthy" in host.refusal()

    def test_is_not_judged_by_the_variables_of_an_edit_before(self, host: Host) -> None:
        self.running(host, A="1")
        host.release |= {"error": "release a did not become healthy: no", "unfit": True}
        host.begun = 'A="bad"\n'
        host.want(application={"environment": {"A": "2"}})
        with pytest.raises(Failed, match=r"^the application waits for its release: release a did not become healthy: no$"):
            host.program.run()
        assert host.state()["refused"] is None
        host.release |= {"error": "", "unfit": False}
        host.program.run()
        assert host.files.texts[f"{places.ENVIRONMENT}.green"] == 'A="2"\n'
        assert host.state()["waiting"] is None

    def test_waits_for_a_release_that_does_not_come_to_an_end(self, host: Host) -> None:
        self.running(host, A="1")
        host.release |= {"wanted": "b", "error": "release b could not be fetched: no"}
        host.want(application={"environment": {"A": "2"}})
        with pytest.raises(Failed, match=r"^the application waits for its release: release b could not be fetched: no$"):
            host.program.run()
        assert host.state()["waiting"] == "the application waits for its release: release b could not be fetched: no"
        assert host.files.texts[places.ENVIRONMENT] == 'A="2"\n'

    def test_gets_what_is_sealed_to_this_host(self, host: Host) -> None:
        host.files.texts[places.SEALING_KEY] = "AGE-SECRET-KEY-1\n"
        host.opened = '{"environment": {"TOKEN": "secret"}}'
        host.want(application={"environment": {"A": "1"}}, sealed="age file")
        host.program.run()
        assert host.files.texts[places.ENVIRONMENT] == 'A="1"\nTOKEN="secret"\n'
        assert host.commands.lines() == [f"age --decrypt --identity {places.SEALING_KEY}"]
        assert host.commands.given == ["age file"]
        public = [host.files.texts[path] for path in host.files.texts if path not in host.files.private]
        assert not any("secret" in text for text in public)

    def test_gets_it_before_the_packages_of_the_host(self, host: Host) -> None:
        host.files.texts[places.SEALING_KEY] = "AGE-SECRET-KEY-1\n"
        host.opened = '{"environment": {}}'
        text = host.want(application={"environment": {}}, sealed="age file")

        class Channel:
            def one(self, name: str) -> str:
                del name
                return text

        host.program.begin(Channel())
        assert host.commands.lines() == ["/usr/local/lib/webinfra/install-packages age", f"age --decrypt --identity {places.SEALING_KEY}"]

    @pytest.mark.parametrize("opened", ["secret", '{"environment": {"no name": "secret"}}', '["secret"]'])
    def test_what_was_sealed_is_never_said(self, host: Host, opened: str) -> None:
        host.files.texts[places.SEALING_KEY] = "AGE-SECRET-KEY-1\n"
        host.opened = opened
        host.want(application={"environment": {}}, sealed="age file")
        host.program.run()
        assert host.refusal() in (
            "what is sealed in them is not JSON",
            "environment must be an object of names and texts",
            "the environment must be in an object",
        )
        assert "secret" not in str(host.files.texts.values()) + str(host.log.complaints)

    def test_says_that_it_has_no_key(self, host: Host) -> None:
        host.want(application={"environment": {}}, sealed="age file")
        host.program.run()
        assert host.refusal() == "they are sealed to a key that this host does not hold"


class TestTheName:
    CONFIG = "backend web\n  #! named: http-check send hdr Host {domain}\n  http-check send hdr Host old.example.com\n"

    def test_is_in_force_when_the_proxies_have_it(self, host: Host) -> None:
        host.files.texts[PROXY] = self.CONFIG
        host.want()
        slept: list[float] = []

        class Clock(FakeClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                slept.append(seconds)
                host.files.texts[PROXY] = TestTheName.CONFIG.replace("old", "www")

        host.clock = Clock()
        host.program.run()
        assert len(slept) == 1
        assert host.state()["waiting"] is None

    def test_is_waited_for(self, host: Host) -> None:
        host.files.texts[PROXY] = self.CONFIG
        host.want()
        with pytest.raises(Failed, match=r"^/etc/haproxy/haproxy\.cfg does not have the site's name www\.example\.com yet$"):
            host.program.run()


def read_as_systemd(text: str) -> dict[str, str]:
    """An environment file, as systemd reads double quotes (src/basic/env-file.c).

    A backslash takes the next of a quote, itself, a dollar and a backtick by its word, and joins lines; else it stands for itself, as all others do.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        equals = text.index("=", at)
        assert text[equals + 1] == '"'
        value, index = "", equals + 2
        while text[index] != '"':
            if text[index] == "\\":
                index += 1
                value += "" if text[index] == "\n" else text[index] if text[index] in '"\\$`' else f"\\{text[index]}"
            else:
                value += text[index]
            index += 1
        assert text[index + 1] == "\n"
        found[text[at:equals]] = value
        at = index + 2
    return found


def test_an_environment_comes_through_systemd_as_it_was_given() -> None:
    draw = random.Random(7)
    nasty = ['"', "\\", "$", "`", "\n", "'", "#", ";", "%", " ", "=", "a", "n", "ü", "\t"]
    for _ in range(2000):
        given = {f"A{at}": "".join(draw.choices(nasty, k=draw.randrange(12))) for at in range(draw.randrange(4))}
        assert read_as_systemd(environment_text(given)) == given
