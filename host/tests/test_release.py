import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeCommands, MemoryFiles, Said
from webinfra import places
from webinfra.outside import Answer, Failed, Request, Shell
from webinfra.places import ACTIVE
from webinfra.release import BECOME, MAP, STEADY, Settings, Store, Switch, World
from webinfra.tried import Tried, last_tried

A, B = "a" * 64, "b" * 64
# As HAProxy 3.0 begins it.
STATISTICS = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight"
SETTINGS = Settings(runs_app=True, port=3000, health_path="/health", domain="www.example.com", start="/opt/shop/serve --fast")


class Killed(BaseException):
    """The program is ended from outside."""


@dataclass
class Host:
    """A host's systemd, its local proxy and its disk. `broken`: what ends at each start; `kill_at`: the effect at which the program dies."""

    root: Path
    files: MemoryFiles = field(default_factory=MemoryFiles)
    clock: FakeClock = field(default_factory=FakeClock)
    log: Said = field(default_factory=Said)
    broken: set[str] = field(default_factory=set)
    started: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=lambda: {"blue": "none", "green": "none"})
    states: dict[str, str] = field(default_factory=lambda: {"blue": "ready", "green": "ready"})
    proxy: bool = True
    restarts: int = 0
    started_at: float = 0.0
    effects: int = 0
    kill_at: int = -1
    failing: bool = False
    # Of releases that run and are not healthy: what their health path answers, or "" of those that do not listen.
    unhealthy: dict[str, str] = field(default_factory=dict)
    # How what is broken ends: as waitid(2) has it, with which status, after how many seconds.
    end: tuple[int, int, float] = (1, 1, 0.2)
    # What systemd writes in its stead.
    step: str = ""
    # Of the database for writes.
    database: str = "UP"
    # Seconds for which one is healthy before it ends: it is broken from then on.
    lives: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "releases").mkdir()
        self.store = Store(str(self.root), FakeCommands())

    def happens(self) -> None:
        self.effects += 1
        if self.effects == self.kill_at:
            raise Killed

    def has(self, *releases: str) -> None:
        for release in releases:
            (self.root / "releases" / release).mkdir()

    # What the program asks of systemd.
    def run(self, command: Sequence[str], *, seconds: float, environment: object = None, given: str | None = None) -> str:  # noqa: ARG002
        self.happens()
        unit = command[-1].removeprefix("webinfra-app@")
        if command[0] == "journalctl":
            return self.step if "--reverse" in command else '{"__REALTIME_TIMESTAMP": "1700000000000009"}\n'
        if command[0] in ("ss", "test"):
            raise Failed(f"{command[0]} failed (1)")
        if "restart" in command:
            self.started[unit] = (self.root / unit).readlink().name
            self.started_at = self.clock.now()
        elif "disable" in command:
            self.started.pop(unit, None)
            self.enabled.discard(unit)
        elif "enable" in command:
            self.enabled.add(unit)
        elif "show" in command:
            return self.shown(unit)
        elif "is-active" in command and unit not in self.started:
            raise Failed("systemctl failed (1)")
        return ""

    def shown(self, unit: str) -> str:
        release = self.started.get(unit, "none")
        if self.clock.now() - self.started_at > self.lives.get(release, 1e9):
            self.broken.add(release)
        # A broken application ends at each start.
        ended = release in self.broken
        state = ("failed" if self.failing else "activating") if ended else "active"
        shown = f"ActiveState={state}\nNRestarts={self.restarts}\nResult=exit-code\n"
        self.restarts += ended
        code, status, seconds = self.end if ended else (0, 0, 0)
        at = 5_000_000
        times = f"ExecMainStartTimestampMonotonic={at}\nExecMainExitTimestampMonotonic={at + int(seconds * 1e6)}\n"
        return f"{shown}ExecMainCode={code}\nExecMainStatus={status}\n{times}"

    # What it asks of the application.
    def ask(self, request: Request, *, seconds: float) -> Answer:  # noqa: ARG002
        assert request.headers == {"Host": "www.example.com"}
        colour = {"http://127.0.0.1:3000/health": "blue", "http://127.0.0.1:3001/health": "green"}[request.url]
        if not self.up(colour):
            raise Failed("nobody answers")
        body = self.unhealthy.get(self.started[colour], "")
        return Answer(500 if body else 200, {}, body)

    def reaches(self, host: str, port: int, *, seconds: float) -> bool:  # noqa: ARG002
        assert host == "127.0.0.1"
        return self.up({3000: "blue", 3001: "green"}[port])

    def up(self, colour: str) -> bool:
        release = self.started.get(colour, "none")
        return release not in {"none", *self.broken} and self.unhealthy.get(release) != ""

    # And of the local proxy.
    def tell(self, command: str) -> str:
        self.happens()
        if not self.proxy:
            raise Failed("no proxy")
        match command.split():
            case ["get", "map", path, colour]:
                assert path == MAP
                return f'id=1, value="{self.names[colour]}"'
            case ["set", "map", path, colour, release]:
                assert path == MAP
                self.names[colour] = release
            case ["set", "server", server, "state", state]:
                self.states[server.removeprefix("app/")] = state
            case _:
                lines = (f"app,{colour},0,0,0,{',' * 12}{'UP' if self.up(colour) else 'DOWN'}" for colour in ("blue", "green"))
                return "\n".join([STATISTICS, *lines, f"primary,BACKEND,0,0,0,{',' * 12}{self.database}"])
        return ""

    def release(self, wanted: str, settings: Settings = SETTINGS, *, quick: bool = False) -> None:
        self.files.put(places.RELEASE_POINTER, {"version": 2, "release": wanted, **({"quick": True} if quick else {})})
        Switch(settings, self.world()).run()

    def world(self) -> World:
        return World(files=self.files, clock=self.clock, commands=self, web=self, network=self, proxy=self, store=self.store, log=self.log)

    def status(self) -> tuple[str, str]:
        status = json.loads(self.files.texts[places.RELEASE_STATUS])
        return status["running"], status["error"]

    def link(self, name: str) -> str:
        return (self.root / name).readlink().name

    def serves(self, release: str) -> bool:
        """Whether it is what visitors get, all of it, and nothing else runs."""
        colour, active = self.files.texts[ACTIVE].split()
        return (
            active == release
            and self.started == {colour: release}
            and self.enabled == {colour}
            and self.names[colour] == release
            and f"{colour} {release}\n" in self.files.texts[MAP]
            and self.states == {"blue": "ready", "green": "ready"}
            and self.link("current") == release
            and self.status() == (release, "")
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_first_release_runs_as_blue(host: Host) -> None:
    host.has(A)
    host.release(A)
    assert host.serves(A)
    assert host.log.words == [f"release {A} runs as blue"]


def test_the_next_one_runs_beside_it_and_takes_over(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.release(B)
    assert host.serves(B)
    assert host.files.texts[ACTIVE] == f"green {B}\n"


def test_one_that_runs_is_left_alone(host: Host) -> None:
    host.has(A)
    host.release(A)
    host.log.words.clear()
    host.release(A)
    assert host.serves(A)
    assert host.log.words == []


def test_one_that_stopped_is_started_again_as_what_it_was(host: Host) -> None:
    host.has(A)
    host.release(A)
    host.started.clear()
    host.release(A)
    assert host.serves(A)


ENDED = (
    f"release {B} did not become healthy: the application ended after 0 s with exit code 1, 6 times in a row "
    '(app.start is "/opt/shop/serve --fast"): see journalctl -u webinfra-app@green'
)


def test_one_that_never_becomes_healthy_is_not_switched_to(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.broken.add(B)
    began = host.clock.seconds
    with pytest.raises(Failed) as failed:
        host.release(B)
    assert str(failed.value) == ENDED
    assert host.status() == (A, ENDED)
    assert host.started == {"blue": A}
    assert host.link("current") == A
    # Known after five ends, not after a minute.
    assert host.clock.seconds < began + 10
    host.release(A)
    assert host.serves(A)


def test_one_that_failed_is_given_up_at_once(host: Host) -> None:
    host.has(A)
    host.broken.add(A)
    host.failing = True
    with pytest.raises(Failed, match="did not become healthy"):
        host.release(A)
    assert host.status()[0] == ""
    assert sum(host.clock.slept) < 0.5


def test_one_that_ends_soon_after_its_start_does_not_take_over_and_gets_no_requests(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.lives[B] = 5
    host.end = (1, 1, 5)
    with pytest.raises(Failed, match=r"the application ended after 5 s with exit code 1"):
        host.release(B)
    assert host.states == {"blue": "ready", "green": "drain"}
    assert host.started == {"blue": A}
    host.release(A)
    assert host.serves(A)


def test_one_takes_over_when_it_was_healthy_for_a_while(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    began = host.clock.seconds
    host.release(B)
    assert STEADY <= host.clock.seconds - began < STEADY + 2


def test_a_quick_one_takes_over_as_soon_as_it_is_healthy(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    began = host.clock.seconds
    host.release(B, quick=True)
    assert host.serves(B)
    assert host.clock.seconds < began + 0.5
    # The next one that is not has to stay healthy again.
    began = host.clock.seconds
    host.release(A)
    assert host.serves(A)
    assert host.clock.seconds >= began + STEADY


def test_a_quick_one_that_ends_is_known_as_broken_at_its_first_end(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.broken.add(B)
    began = host.clock.seconds
    with pytest.raises(Failed, match="did not become healthy: the application ended after 0 s with exit code 1"):
        host.release(B, quick=True)
    assert host.clock.seconds < began + 0.5
    assert host.started == {"blue": A}
    assert json.loads(host.files.texts[places.RELEASE_STATUS])["application"]["final"] is False


def test_a_quick_one_that_is_not_healthy_yet_has_its_minute(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.unhealthy[B] = "no table"
    began = host.clock.seconds
    with pytest.raises(Failed, match="answers 500"):
        host.release(B, quick=True)
    assert host.clock.seconds >= began + BECOME


def test_what_ran_there_before_has_ended_when_its_log_begins(host: Host) -> None:
    host.has(A)
    seen: list[str] = []
    run = host.run

    def noted(command: Sequence[str], *, seconds: float, environment: object = None, given: str | None = None) -> str:
        seen.append(next((word for word in ("stop", "restart") if word in command), command[0]))
        return run(command, seconds=seconds, environment=environment, given=given)

    host.run = noted  # type: ignore[method-assign]
    host.release(A)
    assert seen[:3] == ["stop", "journalctl", "restart"]


def test_serves_before_the_old_one_has_answered_all(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    seen: list[tuple[str, str]] = []
    stop = host.run

    def run(command: Sequence[str], *, seconds: float, environment: object = None, given: str | None = None) -> str:
        if "disable" in command:
            seen.append(host.status())
        return stop(command, seconds=seconds, environment=environment, given=given)

    host.run = run  # type: ignore[method-assign]
    host.release(B)
    assert seen == [(B, "")]


def test_one_is_started_anew_when_that_is_asked_for(host: Host) -> None:
    host.has(A)
    host.release(A)
    host.files.texts[places.START_ANEW] = ""
    host.release(A)
    assert host.serves(A)
    assert host.files.texts[ACTIVE] == f"green {A}\n"
    # Once.
    host.release(A)
    assert host.files.texts[ACTIVE] == f"green {A}\n"


def test_one_that_does_not_become_healthy_when_started_anew_leaves_the_old_one_alone(host: Host) -> None:
    host.has(A)
    host.release(A)
    host.files.texts[places.START_ANEW] = ""
    ask = host.ask

    def refused(request: Request, *, seconds: float) -> Answer:
        return Answer(500, {}, "") if request.url.startswith("http://127.0.0.1:3001") else ask(request, seconds=seconds)

    host.ask = refused  # type: ignore[method-assign]
    with pytest.raises(Failed, match="answers 500"):
        host.release(A)
    assert host.started == {"blue": A}
    host.release(A)
    assert host.serves(A)
    assert host.files.texts[ACTIVE] == f"blue {A}\n"


def test_each_knows_which_release_it_is(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.release(B)
    environments = [host.files.texts[f"{places.RELEASE_ENVIRONMENT}.{colour}"] for colour in ("blue", "green")]
    assert environments == [f"RELEASE={A}\n", f"RELEASE={B}\n"]


def set_up(host: Host) -> None:
    host.files.texts[places.CONVERGE] = "done\n\n"


def tried(host: Host) -> Tried:
    found = last_tried(host.files)
    assert found is not None
    return found


def fails(host: Host, release: str = A) -> Tried:
    with pytest.raises(Failed, match=f"release {release} did not become healthy: "):
        host.release(release)
    return tried(host)


MISSING = "webinfra-app@blue.service: Failed at step EXEC spawning /opt/shop/serve: No such file or directory\n"


class TestWhatIsHopeless:
    """`up` waits no longer."""

    def test_a_start_command_that_cannot_be_run_on_a_host_that_is_set_up(self, host: Host) -> None:
        host.has(A)
        host.broken.add(A)
        host.end, host.step = (1, 203, 0), MISSING
        assert not fails(host).final
        set_up(host)
        host.clock.slept.clear()
        assert fails(host).final
        assert sum(host.clock.slept) < 1
        assert tried(host).cause == "start"

    def test_what_ended_five_times_twice_while_there_was_a_database(self, host: Host) -> None:
        host.has(A)
        host.broken.add(A)
        assert [fails(host).final for _ in range(3)] == [False] * 3
        set_up(host)
        host.database = "DOWN"
        assert [fails(host).final for _ in range(3)] == [False] * 3
        host.database = "UP"
        assert fails(host).final

    def test_not_at_its_first_failure_and_not_because_of_another_release(self, host: Host) -> None:
        host.has(A, B)
        set_up(host)
        host.broken |= {A, B}
        assert [fails(host, release).final for release in (A, B, A, A)] == [False, False, False, True]

    def test_not_with_other_variables(self, host: Host) -> None:
        host.has(A)
        set_up(host)
        host.broken.add(A)
        assert [fails(host).final for _ in range(2)] == [False, True]
        environment(host, 'A="1"\n')
        assert [fails(host).final for _ in range(2)] == [False, True]

    @pytest.mark.parametrize("body", ["", "no database"])
    def test_not_what_runs_and_may_become_healthy(self, host: Host, body: str) -> None:
        host.has(A)
        set_up(host)
        host.unhealthy[A] = body
        assert [fails(host).final for _ in range(3)] == [False] * 3

    def test_is_said_until_it_was_tried_again(self, host: Host) -> None:
        host.has(A)
        set_up(host)
        host.broken.add(A)
        assert [fails(host).final for _ in range(2)] == [False, True]
        host.broken.clear()
        host.unhealthy[A] = "warming up"
        told: list[bool] = []
        host.clock.wakes = lambda: told.append(tried(host).final)
        assert not fails(host).final
        assert set(told) == {True}

    def test_is_forgotten_when_it_is_healthy(self, host: Host) -> None:
        host.has(A)
        set_up(host)
        host.broken.add(A)
        fails(host)
        host.broken.clear()
        host.release(A)
        assert last_tried(host.files) is None


def test_that_one_ended_stays_said_until_it_is_known_how_it_goes_this_time(host: Host) -> None:
    host.has(A)
    host.broken.add(A)
    ended = fails(host).reason
    host.broken.clear()
    host.unhealthy[A] = ""
    told: list[str] = []
    host.clock.wakes = lambda: told.append(tried(host).reason)
    assert "nothing listens" in fails(host).reason
    assert set(told) == {ended}


def test_that_it_is_short_of_something_else_is_said_at_once(host: Host) -> None:
    host.has(A)
    host.unhealthy[A] = ""
    causes: dict[float, str] = {}

    def change() -> None:
        seconds = host.clock.seconds - host.started_at
        host.unhealthy[A] = "warming up" if seconds > 5 else ""
        found = last_tried(host.files)
        causes[seconds] = "" if found is None else found.cause

    host.clock.wakes = change
    fails(host)
    assert [causes[seconds] for seconds in (3.0, 3.5, 5.5, 6.0)] == ["", "silence", "silence", "health"]


def test_what_one_is_short_of_is_said_while_it_is_waited_for(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.unhealthy[B] = ""
    told: dict[float, str | None] = {}

    def note() -> None:
        found = last_tried(host.files)
        told[host.clock.seconds - host.started_at] = None if found is None else found.reason
        assert host.status()[0] == A

    host.clock.wakes = note
    fails(host, B)
    silent = 'the application runs, but nothing listens on port 3001 (PORT) after {} s (app.start is "/opt/shop/serve --fast")'
    assert [told[seconds] for seconds in (1.0, 2.5)] == [None, None]
    assert [told[seconds] for seconds in (3.5, 12.5, 13.5, 59.5)] == [silent.format(seconds) for seconds in (3, 3, 13, 53)]
    assert tried(host).reason == silent.format(60)
    told.clear()
    fails(host, B)
    assert set(told.values()) == {silent.format(60)}
    assert tried(host).since == "@1700000000.000010"


def test_a_proxy_that_does_not_take_the_name_is_said(host: Host) -> None:
    host.has(A)
    host.proxy = False
    with pytest.raises(Failed, match="the local proxy does not take the name of release"):
        host.release(A)
    host.proxy = True
    host.release(A)
    assert host.serves(A)


def test_a_host_without_an_application_serves_the_files(host: Host) -> None:
    host.has(A)
    host.release(A, Settings(runs_app=False, port=3000, health_path="/", domain="d"))
    assert (host.link("current"), host.status(), host.effects) == (A, (A, ""), 0)


def environment(host: Host, text: str) -> None:
    host.files.texts[places.ENVIRONMENT] = text


def test_another_environment_starts_the_same_release_anew(host: Host) -> None:
    host.has(A)
    environment(host, 'A="1"\n')
    host.release(A)
    assert host.files.texts[f"{places.ENVIRONMENT}.blue"] == 'A="1"\n'
    assert f"{places.ENVIRONMENT}.blue" in host.files.private
    environment(host, 'A="2"\n')
    host.release(A)
    assert host.serves(A)
    assert host.files.texts[ACTIVE] == f"green {A}\n"
    assert host.files.texts[f"{places.ENVIRONMENT}.green"] == 'A="2"\n'
    # What runs may be started again by systemd at any time, with what it was judged by.
    environment(host, "")
    host.release(A)
    assert host.serves(A)
    assert host.files.texts[f"{places.ENVIRONMENT}.blue"] == ""


def test_an_environment_that_is_no_good_is_told_from_a_release_that_is_away(host: Host) -> None:
    host.has(A)
    environment(host, 'A="1"\n')
    host.release(A)
    environment(host, 'A="2"\n')
    host.broken.add(A)
    with pytest.raises(Failed, match="did not become healthy"):
        host.release(A)
    assert json.loads(host.files.texts[places.RELEASE_STATUS])["unfit"] is True
    assert host.files.texts[ACTIVE] == f"blue {A}\n"
    assert host.started == {"blue": A}
    with pytest.raises(Failed, match="could not be fetched"):
        host.release(B)
    assert json.loads(host.files.texts[places.RELEASE_STATUS])["unfit"] is False


@pytest.mark.parametrize("text", [None, "", "{", '{"release": "../x"}'])
def test_a_pointer_that_is_none_is_said(host: Host, text: str | None) -> None:
    if text is not None:
        host.files.texts[places.RELEASE_POINTER] = text
    with pytest.raises(Failed, match=r"^the release pointer "):
        Switch(SETTINGS, host.world()).run()


@pytest.mark.parametrize("text", ["", "x", "blue", f"red {A}", "blue /etc"])
def test_half_a_file_of_what_runs_says_nothing(host: Host, text: str) -> None:
    host.has(A)
    host.files.texts[ACTIVE] = text
    host.release(A)
    assert host.serves(A)


def test_wherever_it_is_cut_short_the_next_run_ends_well(tmp_path: Path) -> None:
    for kill_at in range(1, 60):
        (tmp_path / str(kill_at)).mkdir()
        host = Host(tmp_path / str(kill_at))
        host.has(A, B)
        host.release(A)
        host.kill_at = host.effects + kill_at
        try:
            host.release(B)
        except Killed:
            host.release(B)
        assert host.serves(B), kill_at


def archive(path: Path) -> str:
    """An archive with one file, and its hash."""
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("server.js")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Channel(Shell):
    """Copies from a folder instead of calling rclone."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"PATH": "/usr/bin:/bin"})
        self.folder = folder

    def run(self, command: Sequence[str], *, seconds: float, environment: object = None, given: str | None = None) -> str:  # noqa: ARG002
        if command[0] != "rclone":
            return super().run(command, seconds=seconds)
        source = self.folder / command[-2].removeprefix("channel:releases/")
        return super().run(("cp", str(source), command[-1]), seconds=seconds)


class TestTheDisk:
    def store(self, tmp_path: Path) -> Store:
        (tmp_path / "channel").mkdir()
        return Store(str(tmp_path / "app"), Channel(tmp_path / "channel"))

    def test_has_a_release_whole(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        release = archive(tmp_path / "channel/x")
        (tmp_path / "channel/x").rename(tmp_path / f"channel/{release}.tar.gz")
        store.fetch(release)
        assert store.has(release)
        assert (tmp_path / f"app/releases/{release}/server.js").read_text() == "hello"
        assert [path.name for path in (tmp_path / "app").iterdir()] == ["releases"]
        store.point("current", release)
        store.point("current", release)
        assert (tmp_path / "app/current/server.js").read_text() == "hello"

    def test_has_nothing_of_one_that_somebody_changed(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        archive(tmp_path / f"channel/{A}.tar.gz")
        with pytest.raises(Failed, match="its archive has the SHA-256 "):
            store.fetch(A)
        assert not store.has(A)

    def test_has_nothing_of_one_that_is_not_in_the_channel(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        with pytest.raises(Failed):
            store.fetch(A)
        assert not store.has(A)

    def test_keeps_the_newest_and_the_one_that_runs(self, tmp_path: Path) -> None:
        store = Store(str(tmp_path), FakeCommands())

        for age, name in enumerate(["new", "newer", "old", "older", "oldest"]):
            (tmp_path / "releases" / name).mkdir(parents=True)
            os.utime(tmp_path / "releases" / name, (1000 - age, 1000 - age))
        store.tidy("oldest")
        assert sorted(path.name for path in (tmp_path / "releases").iterdir()) == ["new", "newer", "old", "oldest"]
