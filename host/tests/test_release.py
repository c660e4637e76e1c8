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
from webinfra.release import MAP, Settings, Store, Switch, World

A, B = "a" * 64, "b" * 64
# As HAProxy 3.0 begins it.
STATISTICS = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight"
SETTINGS = Settings(runs_app=True, port=3000, health_path="/health", domain="www.example.com")


class Killed(BaseException):
    """The program is ended from outside."""


@dataclass
class Host:
    """A host's systemd, its local proxy and its disk. `broken`: what never becomes healthy; `kill_at`: the effect at which the program dies."""

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
    effects: int = 0
    kill_at: int = -1
    failing: bool = False

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
        if "restart" in command:
            self.started[unit] = (self.root / unit).readlink().name
        elif "disable" in command:
            self.started.pop(unit, None)
            self.enabled.discard(unit)
        elif "enable" in command:
            self.enabled.add(unit)
        elif "show" in command:
            # A broken application ends at each start.
            self.restarts += self.started.get(unit) in self.broken
            return f"{self.restarts}\n"
        elif ("is-active" in command and unit not in self.started) or ("is-failed" in command and not self.failing):
            raise Failed("systemctl failed (1)")
        return ""

    # What it asks of the application.
    def ask(self, request: Request, *, seconds: float) -> Answer:  # noqa: ARG002
        assert request.headers == {"Host": "www.example.com"}
        colour = {"http://127.0.0.1:3000/health": "blue", "http://127.0.0.1:3001/health": "green"}[request.url]
        if not self.up(colour):
            raise Failed("nobody answers")
        return Answer(200, {}, "")

    def up(self, colour: str) -> bool:
        return self.started.get(colour, "none") not in {"none", *self.broken}

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
                return "\n".join([STATISTICS, *lines])
        return ""

    def release(self, wanted: str, settings: Settings = SETTINGS) -> None:
        self.files.put(places.RELEASE_POINTER, {"version": 2, "release": wanted})
        world = World(files=self.files, clock=self.clock, commands=self, web=self, proxy=self, store=self.store, log=self.log)
        Switch(settings, world).run()

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


def test_one_that_never_becomes_healthy_is_not_switched_to(host: Host) -> None:
    host.has(A, B)
    host.release(A)
    host.broken.add(B)
    with pytest.raises(Failed, match=f"release {B} did not become healthy: see journalctl -u webinfra-app@green"):
        host.release(B)
    assert host.status() == (A, f"release {B} did not become healthy: see journalctl -u webinfra-app@green")
    assert host.started == {"blue": A}
    assert host.link("current") == A
    # Known after five ends, not after a minute.
    assert host.clock.seconds < 1010
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
    world = World(files=host.files, clock=host.clock, commands=host, web=host, proxy=host, store=host.store, log=host.log)
    with pytest.raises(Failed, match=r"^the release pointer "):
        Switch(SETTINGS, world).run()


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
