import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeWeb, MemoryFiles, Said
from tests.test_database_watch import following
from webinfra import places
from webinfra.agent import PERIOD, Agent, Check, Settings, paced, running_package
from webinfra.answering import AnswerServer, listen
from webinfra.clock import BootClock
from webinfra.loop import Loop
from webinfra.protocol import parse_state
from webinfra.tried import Tried, environment_digest


class World:
    def __init__(self, name: str = "lb-1", roles: tuple[str, ...] = ("loadBalancer",), checks: tuple[Check, ...] = ()) -> None:
        self.files = MemoryFiles()
        self.files.texts[places.MACHINE] = "MACHINE_ID=m-1\nPRIVATE_ADDRESS=10.0.0.1\n"
        self.web = FakeWeb()
        settings = Settings(name=name, roles=roles, port=9000, domain="www.example.com", checks=checks, most_lag=None)
        self.agent = Agent(settings, self.files, self.web, None)

    def state(self) -> dict[str, object]:
        self.agent.poll()
        status, text = self.agent.answer("/state")
        assert status == 200
        found: dict[str, object] = json.loads(text)
        return found


def test_a_host_that_did_not_converge_is_not_healthy() -> None:
    world = World()
    assert world.state()["error"] == "not set up yet"
    world.files.texts[places.CONVERGE] = "running\ninstalling packages\n"
    assert world.state()["error"] == "still being set up: installing packages"
    world.files.texts[places.CONVERGE] = "failed\ninstalling packages\n"
    state = world.state()
    assert (state["healthy"], state["converge"], state["step"]) == (False, "failed", "installing packages")
    assert state["error"] == "could not be set up: failed while installing packages"


def test_a_converged_host_is_healthy() -> None:
    world = World()
    world.files.texts[places.CONVERGE] = "done\n\n"
    assert world.state() == {
        "version": 2,
        "machine": "m-1",
        "name": "lb-1",
        "roles": ["loadBalancer"],
        "converge": "done",
        "step": "",
        "healthy": True,
        "error": None,
        "refused": [],
        "package": {"running": None, "good": None, "refused": None, "waiting": None},
        "definition": None,
    }


def test_a_host_says_which_definition_it_was_made_from() -> None:
    world = World()
    world.files.texts[places.DEFINITION] = f"{'a' * 64}\n"
    assert world.state()["definition"] == "a" * 64


def test_every_problem_is_named() -> None:
    world = World("web-1", ("webServer", "appServer"), (Check("Nginx", 8080, "/-/web"), Check("the application", 8081, "/health")))
    world.web.put("http://127.0.0.1:8081/health", "", 301)
    world.files.texts[places.CONVERGE] = "done\n\n"
    world.files.put(places.RELEASE_STATUS, {"running": "a", "error": "did not become healthy"})
    state = world.state()
    assert state["release"] == "a"
    assert state["error"] == "Nginx does not answer; the application does not answer; release: did not become healthy"
    assert world.web.asked[0].headers == {"Host": "www.example.com"}


def test_an_application_that_is_not_healthy_is_told_until_it_gets_other_variables() -> None:
    world = World("web-1", ("webServer", "appServer"))
    tried = Tried("a" * 64, "webinfra-app@blue", "", environment_digest('A="1"\n'), "it ends", "end", final=True)
    world.files.texts[places.ENVIRONMENT] = 'A="1"\n'
    world.files.put(places.RELEASE_STATUS, {"running": "", "error": "", "application": tried.written()})
    assert world.state()["application"] == {"release": "a" * 64, "reason": "it ends", "final": True}
    world.files.texts[places.ENVIRONMENT] = 'A="2"\n'
    assert "application" not in world.state()


def test_a_check_that_answers_is_no_problem() -> None:
    world = World(checks=(Check("HAProxy", 80, "/-/balancer"),))
    world.web.put("http://127.0.0.1:80/-/balancer", "")
    world.files.texts[places.CONVERGE] = "done\n\n"
    assert world.state()["healthy"] is True


def test_a_web_host_without_a_release_is_not_healthy() -> None:
    world = World("web-1", ("webServer", "appServer"))
    world.files.texts[places.CONVERGE] = "done\n\n"
    state = world.state()
    assert (state["error"], state["release"]) == ("release: none runs yet", "")


def test_refused_documents_are_named() -> None:
    world = World()
    world.files.put(places.REFUSED, [{"document": "inventory/x.json", "reason": "is not JSON"}])
    assert world.state()["refused"] == [{"document": "inventory/x.json", "reason": "is not JSON"}]


BAD = ["", "{", "[]", "5", "null", '"x"', "[[]]", '{"a": 1}', pytest.param("[" * 100_000, id="deep")]


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("path", [places.REFUSED, places.RELEASE_STATUS, places.CONVERGE, places.MACHINE])
def test_no_file_ends_the_agent(path: str, text: str) -> None:
    world = World("web-1", ("webServer",))
    world.files.texts[path] = text
    assert world.state()["refused"] == []


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("path", [places.PRIMARY_POINTER, places.MEMBER, f"{places.INVENTORY}/m-db-2.json"])
def test_no_document_ends_the_agent_of_a_database_host(path: str, text: str) -> None:
    world = database_agent()
    world.files.texts[path] = text
    status, answer = world.agent.answer("/state")
    assert status == 200
    assert parse_state(answer).database is not None


class DatabaseAgent:
    """The agent of a replica that is read."""

    def __init__(self) -> None:
        watched = following()
        self.files = watched.files
        self.files.texts[places.CONVERGE] = "done\n\n"
        settings = Settings(name="db-1", roles=("database",), port=9000, domain="www.example.com", checks=(), most_lag=5)
        self.watch = watched
        self.agent = Agent(settings, self.files, watched.web, watched.watch)
        self.agent.poll()


def database_agent() -> DatabaseAgent:
    return DatabaseAgent()


def test_a_database_that_serves_is_healthy_and_one_that_does_not_is_not() -> None:
    world = database_agent()
    assert parse_state(world.agent.answer("/state")[1]).healthy
    world.watch.clock.seconds += 10
    world.agent.poll()
    state = parse_state(world.agent.answer("/state")[1])
    assert (state.healthy, state.error) == (False, "MySQL is none: not serving yet")


def test_what_the_database_program_says_is_read_at_each_answer() -> None:
    world = database_agent()
    world.watch.speak(at=world.watch.clock.now(), fenced="x")
    database = parse_state(world.agent.answer("/state")[1]).database
    assert database is not None
    assert database.fenced == "x"
    assert world.agent.answer("/stale")[0] == 503


@contextmanager
def served(agent: Agent) -> Iterator[int]:
    server = AnswerServer(listen(("127.0.0.1", 0)), BootClock(), agent.answer)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            server.turn(0.01)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        ended.set()
        thread.join()
        server.close()


def test_answers_over_http() -> None:
    found, bodies = {}, {}
    with served(database_agent().agent) as port:
        for path in ("/state", "/primary", "/replica", "/stale", "/else"):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    found[path] = answer.status
                    bodies[path] = json.load(answer)
            except urllib.error.HTTPError as error:
                found[path] = error.code
                error.close()
    assert found == {"/state": 200, "/primary": 503, "/replica": 200, "/stale": 200, "/else": 404}
    assert (bodies["/state"]["name"], bodies["/state"]["database"]["role"]) == ("db-1", "replica")


def test_a_host_without_a_database_is_none_of_its_roles() -> None:
    agent = World().agent
    assert [agent.answer(path)[0] for path in ("/primary", "/replica", "/stale")] == [503, 503, 503]


def test_looks_begin_at_a_steady_pace() -> None:
    clock = FakeClock()

    def look() -> None:
        clock.seconds += 0.2

    loop = Loop(clock, Said(), paced(clock, look), after_failure=PERIOD)
    loop.once()
    assert clock.slept == [pytest.approx(0.3)]


def test_settings_are_those_of_the_role() -> None:
    files = MemoryFiles()
    check = {"name": "HAProxy", "port": 80, "path": "/-/balancer"}
    files.put("/etc/webinfra/agent.json", {"name": "db-1", "roles": ["database"], "port": 9000, "domain": "d", "checks": [check], "maxLagSeconds": 5})
    assert Settings.load(files) == Settings("db-1", ("database",), 9000, "d", (Check("HAProxy", 80, "/-/balancer"),), 5)


def test_settings_of_a_host_that_takes_its_own_from_the_channel() -> None:
    files = MemoryFiles()
    files.put("/etc/webinfra/agent.json", {"name": "db-1", "roles": ["database"], "port": 9000, "checks": []})
    files.put("/etc/webinfra/settings.json", {"name": "db-1"})
    assert Settings.load(files) == Settings("db-1", ("database",), 9000, "", (), None, takes_settings=True)


def test_what_became_of_the_settings_is_said() -> None:
    world = World()
    assert "settings" not in world.state()
    world.agent = Agent(Settings("lb-1", ("loadBalancer",), 9000, "", (), None, takes_settings=True), world.files, world.web, None)
    none: dict[str, object] = {"applied": "", "refused": None, "waiting": None, "pending": []}
    assert world.state()["settings"] == none
    said = {"applied": "a", "refused": {"settings": "b", "reason": "no"}, "waiting": None, "pending": ["x takes effect when MySQL starts next"]}
    world.files.put(places.SETTINGS_STATUS, said)
    assert world.state()["settings"] == said
    world.files.texts[places.SETTINGS_STATUS] = '{"appl'
    assert world.state()["settings"] == none


def test_checks_ask_for_the_name_in_the_settings() -> None:
    world = World(checks=(Check("HAProxy", 80, "/-/balancer"),))
    world.state()
    world.files.put(places.APPLIED, {"version": 2, "host": "lb-1", "domain": "shop.example.com"})
    world.state()
    assert [request.headers["Host"] for request in world.web.asked] == ["www.example.com", "shop.example.com"]


def test_what_the_launcher_keeps_of_the_host_package_is_said_and_takes_nothing_from_health() -> None:
    world = World()
    world.files.texts[places.CONVERGE] = "done\n\n"
    good, bad = "a" * 64, "b" * 64
    world.files.put(places.PACKAGE, {"good": good, "trying": None, "refused": {"package": bad, "reason": "its agent did not answer for 60 s"}})
    world.files.texts[places.PACKAGE_WAITING] = "waits for web-1"
    state = world.state()
    assert state["package"] == {
        "running": None,
        "good": good,
        "refused": {"package": bad, "reason": "its agent did not answer for 60 s"},
        "waiting": "waits for web-1",
    }
    assert state["healthy"] is True


def test_a_file_of_the_launcher_that_cannot_be_used_says_nothing() -> None:
    world = World()
    world.files.put(places.PACKAGE, {"good": 5, "refused": "x"})
    assert world.state()["package"] == {"running": None, "good": None, "refused": None, "waiting": None}


def test_an_agent_knows_the_package_that_it_runs_from() -> None:
    assert running_package(Path("/usr/local/lib/webinfra/packages/abc/webinfra/agent.py")) == "abc"
    assert running_package(Path("/work/host/webinfra/agent.py")) is None
