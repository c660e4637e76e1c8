"""The launcher, on files below a folder of its own, with a clock, commands and agents that tests make up."""

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import launcher
from launcher import Failed, Host, Launcher, Memory, package_of
from tests.test_package import imported

UNITS = ("webinfra-sync.service", "webinfra-agent.service")
OWN = "http://127.0.0.1:9000/state"


class World(Host):
    """A host whose units and agent behave as the package that is current; `behave` says how each does."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.seconds = 1000.0
        self.commands: list[str] = []
        self.agents: dict[str, str | None] = {}
        # By package: how it shows itself so many seconds after its units were restarted.
        self.ill: dict[str, Callable[[float], dict[str, object]]] = {}
        self.restarted = 1000.0
        self.syncs = True
        self.dies_at: str | None = None
        # What was brought to the disk, and whether a package was there under its name by then.
        self.synced: list[tuple[str, bool]] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def current(self) -> str:
        return (self.root / "usr/local/lib/webinfra/current").readlink().name

    def shows(self) -> dict[str, object]:
        shows = self.ill.get(self.current)
        return {} if shows is None else shows(self.seconds - self.restarted)

    def run(self, *command: str, seconds: float = 200) -> str:  # noqa: ARG002
        line = " ".join(command)
        self.commands.append(line)
        if self.dies_at is not None and line.startswith(self.dies_at):
            raise KeyboardInterrupt
        if command[:2] == ("sync", "-f"):
            packages = self.root / "usr/local/lib/webinfra/packages"
            named = [path for path in packages.iterdir() if not path.name.startswith(".")]
            self.synced.append((command[2], named != []))
        if line.startswith("systemctl try-restart"):
            self.restarted = self.seconds
        if not line.startswith("systemctl show"):
            return ""
        slow = self.shows().get("slow")
        self.seconds += slow if isinstance(slow, float) else 0.0
        stops, state = self.shows().get("stops", 0), self.shows().get("unit", "active")
        blocks = [f"NRestarts=0\nId={UNITS[0]}\nActiveState=active\nUnitFileState=enabled"]
        blocks += [f"NRestarts={stops}\nId={UNITS[1]}\nActiveState={state}\nUnitFileState=enabled"]
        blocks += ["NRestarts=0\nId=webinfra-database.service\nActiveState=inactive\nUnitFileState=enabled"]
        blocks += ["NRestarts=0\nId=webinfra-address.service\nActiveState=inactive\nUnitFileState="]
        return "\n\n".join(blocks) + "\n"

    def ask(self, url: str, seconds: float) -> str | None:  # noqa: ARG002
        self.seconds += 0.01
        if url != OWN:
            return self.agents.get(url)
        shown = self.shows()
        if self.syncs and not shown.get("syncless"):
            (self.root / "run/webinfra/synced").write_text(f"{self.seconds:.3f}\n")
        if "says" in shown:
            said = shown["says"]
            return said if isinstance(said, str) else None
        state = {"name": "web-2", "machine": "m-2", "healthy": True, "error": None, "package": {"running": self.current}}
        return json.dumps({**state, **{key: value for key, value in shown.items() if key in state}})


def archive(marker: str, **files: str) -> bytes:
    """A host package."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, text in {"webinfra-host": "#!/bin/sh\n", "webinfra/__init__.py": f"MARKER = {marker!r}\n", **files}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


class Site:
    """A channel, and one host of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = World(root)
        self.channel = root / "channel"
        for folder in ("channel/packages", "channel/pointers", "etc/webinfra", "run/webinfra", "var/lib/webinfra/channel/inventory"):
            (root / folder).mkdir(parents=True)
        (root / "etc/webinfra/launcher.json").write_text(json.dumps({"name": "web-2", "port": 9000, "directory": str(self.channel)}))
        (root / "etc/webinfra/machine.env").write_text("MACHINE_ID=m-2\nPRIVATE_ADDRESS=10.0.0.2\n")
        self.enlist("m-2", "web-2", "10.0.0.2", "webServer")

    def enlist(self, machine: str, name: str, address: str, *roles: str) -> None:
        entry = {"machine": machine, "name": name, "address": address, "roles": roles}
        (self.root / f"var/lib/webinfra/channel/inventory/{machine}.json").write_text(json.dumps(entry))

    def publish(self, data: bytes, *, heard: bool = True) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        (self.channel / f"packages/{sha256}.tar.gz").write_bytes(data)
        self.point(sha256, heard=heard)
        return sha256

    def point(self, sha256: str, *, heard: bool = True) -> None:
        """`heard`: this host's sync has it, too."""
        text = json.dumps({"version": 1, "package": sha256})
        for folder in [self.channel, *([self.root / "var/lib/webinfra/channel"] if heard else [])]:
            (folder / "pointers").mkdir(exist_ok=True)
            (folder / "pointers/host.json").write_text(text)

    @property
    def launcher(self) -> Launcher:
        return Launcher(self.host)

    @property
    def kept(self) -> Memory:
        return self.launcher.memory

    @property
    def waiting(self) -> str:
        return (self.root / "run/webinfra/package-waiting").read_text()

    def peer(self, name: str, *roles: str, **package: object) -> str:
        """Another machine, whose agent says this of its package."""
        self.enlist(f"m-{name}", name, f"{name}.test", *(roles or ("webServer",)))
        url = f"http://{name}.test:9000/state"
        self.host.agents[url] = json.dumps({"machine": f"m-{name}", "package": package or None})
        return url


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A host that has a good package, and knows of none other."""
    one = Site(tmp_path)
    one.publish(archive("first"))
    one.launcher.install()
    return one


GOOD = hashlib.sha256(archive("first")).hexdigest()
NEXT = hashlib.sha256(archive("second")).hexdigest()


def test_it_needs_nothing_but_pythons_own_library() -> None:
    assert imported(Path(launcher.__file__)) <= set(sys.stdlib_module_names)


def test_the_first_package_is_installed_and_good(site: Site) -> None:
    assert site.host.current == GOOD
    assert site.kept == Memory(GOOD)
    folder = site.root / "usr/local/lib/webinfra/packages" / GOOD
    assert os.access(folder / "webinfra-host", os.X_OK)
    assert list((folder / "webinfra/__pycache__").glob("*.pyc"))
    # Its files are on the disk before its name is, and that before anything says that it is good.
    (first, before), last = site.host.synced
    assert (first.startswith(f"{folder.parent}/.new-"), before) == (True, False)
    assert last == (str(folder.parent), True)


def test_a_package_that_is_there_is_not_installed_again(site: Site) -> None:
    site.publish(archive("second"))
    site.launcher.install()
    assert site.host.current == GOOD


def test_a_channel_that_names_no_package_says_so(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with pytest.raises(Failed, match=r"No such file or directory: '.*/pointers/host\.json'$"):
        site.launcher.install()
    (site.channel / "pointers/host.json").write_text('{"version": 3}')
    with pytest.raises(Failed, match=r"^pointers/host\.json of the channel names no host package that this launcher understands$"):
        site.launcher.install()


def test_an_archive_that_is_another_one_is_not_installed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish(archive("first"))
    (site.channel / f"packages/{GOOD}.tar.gz").write_bytes(archive("second"))
    with pytest.raises(Failed, match=f"^the channel holds another file in its place, with SHA-256 {NEXT[:12]}$"):
        site.launcher.install()
    assert not (site.root / "usr/local/lib/webinfra/current").is_symlink()


def test_from_a_bucket_it_is_fetched_by_rclone(tmp_path: Path) -> None:
    site = Site(tmp_path)
    (site.root / "etc/webinfra/launcher.json").write_text('{"name": "web-2", "port": 9000}')
    with pytest.raises(Failed):
        site.launcher.install()
    limits = "--contimeout 5s --timeout 30s --retries 1"
    assert site.host.commands[0].startswith(f"rclone --config {site.root}/etc/webinfra/rclone.conf {limits} copyto channel:pointers/host.json /")


def test_a_new_package_becomes_good(site: Site) -> None:
    site.publish(archive("second"))
    site.launcher.turn()
    assert site.host.current == NEXT
    assert site.kept == Memory(NEXT)
    assert f"systemctl try-restart {' '.join(UNITS)}" in site.host.commands
    # It stayed well for so long.
    assert 5 <= site.host.seconds - site.host.restarted < 7


def test_what_is_good_already_is_left_alone(site: Site) -> None:
    site.host.commands.clear()
    assert site.launcher.turn() == 1
    assert site.host.commands == []


@pytest.mark.parametrize(
    ("shows", "reason"),
    [
        (lambda after: {"stops": int(after), "unit": "activating"}, "webinfra-agent.service stopped 3 times"),
        (lambda _: {"unit": "activating"}, "webinfra-agent.service does not run"),
        # A host so slow that nothing can be told in time.
        (lambda _: {"slow": 61.0}, "it was never well for 5 s"),
        (lambda _: {"says": None}, "its agent did not answer for 60 s"),
        # Now and then it does.
        (lambda after: {"says": None} if int(after) % 4 == 0 else {}, "its agent did not answer for 60 s"),
        # It stops twice, and then for good.
        (lambda after: {"stops": min(2, int(after / 4)), "unit": "activating" if after > 12 else "active"}, "webinfra-agent.service does not run"),
        (lambda _: {"says": "<html>"}, 'its agent answered with something else than its state: "<html>"'),
        (lambda _: {"says": '{"package": {}}'}, 'its agent answered with something else than its state: "{\\"package\\": {}}"'),
        (lambda _: {"machine": "m-9"}, "its agent says that this host is web-2 (machine m-9)"),
        (lambda _: {"package": {"running": GOOD}}, f"its agent runs host package {GOOD[:12]}"),
        (lambda _: {"healthy": False, "error": "Nginx does not answer"}, "the host was healthy, and is not: Nginx does not answer"),
        (lambda _: {"syncless": True}, "its sync did not read the channel for 60 s"),
    ],
)
def test_a_package_that_is_no_good_is_refused_and_gone_back_from(
    site: Site, shows: Callable[[float], dict[str, object]], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.host.ill[NEXT] = shows
    site.publish(archive("second"))
    site.launcher.turn()
    assert site.kept == Memory(GOOD, None, {"package": NEXT, "reason": reason})
    assert site.host.current == GOOD
    assert site.host.commands[-2].startswith("systemctl try-restart")
    assert capsys.readouterr().out == f"refused host package {NEXT}: {reason}\n"
    # Not again, until another one is named.
    commands = len(site.host.commands)
    site.launcher.turn()
    assert len(site.host.commands) == commands
    site.point(GOOD)
    site.launcher.turn()
    assert site.kept == Memory(GOOD)
    site.host.ill.clear()
    site.point(NEXT)
    site.launcher.turn()
    assert site.kept == Memory(NEXT)


def test_a_host_that_was_not_healthy_need_not_become_so(site: Site) -> None:
    for package in (GOOD, NEXT):
        site.host.ill[package] = lambda _: {"healthy": False}
    site.publish(archive("second"))
    site.launcher.turn()
    assert site.kept == Memory(NEXT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no archive", "it cannot be unpacked: not a gzip file"),
        (archive("broken", **{"webinfra/agent.py": "def ("}), "its programs cannot be compiled"),
    ],
)
def test_an_archive_that_is_none_is_refused_before_anything_restarts(site: Site, data: bytes, reason: str) -> None:
    broken = site.publish(data)
    site.launcher.turn()
    refused = site.kept.refused
    assert refused is not None
    assert refused["package"] == broken
    assert refused["reason"].startswith("it cannot be unpacked: ") if reason.startswith("it cannot") else refused["reason"] == reason
    assert not [line for line in site.host.commands if "restart" in line]


@pytest.mark.parametrize("at", ["tarfile.TarFile.extractall", "py_compile.compile"])
def test_a_full_disk_is_said_and_speaks_against_no_package(site: Site, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    site.publish(archive("second"))
    with monkeypatch.context() as patch:
        patch.setattr(at, full)
        assert site.launcher.turn() == 10
        assert site.waiting == "cannot be fetched: [Errno 28] No space left on device"
        assert site.kept == Memory(GOOD)
    site.launcher.turn()
    assert site.kept == Memory(NEXT)


def test_a_channel_that_does_not_hold_it_yet_is_asked_again(site: Site) -> None:
    site.point(NEXT)
    assert site.launcher.turn() == 10
    assert site.waiting.startswith("cannot be fetched: [Errno 2] No such file or directory")
    site.publish(archive("second"))
    site.launcher.turn()
    assert site.kept == Memory(NEXT)
    assert site.waiting == ""


class TestTurns:
    def test_databases_come_last_and_balancers_before_them(self, site: Site) -> None:
        for name, role in (("db-1", "database"), ("lb-1", "loadBalancer"), ("app-1", "appServer"), ("web-1", "webServer")):
            site.peer(name, role)
        assert [name for _, name, _, _ in site.launcher.order()] == ["app-1", "web-1", "web-2", "lb-1", "db-1"]

    def test_a_host_waits_until_those_before_it_have_it(self, site: Site) -> None:
        site.peer("web-1", good=GOOD)
        site.peer("web-3", good=GOOD)
        site.publish(archive("second"))
        one = site.launcher
        assert one.turn() == 1
        assert (site.host.current, site.waiting) == (GOOD, "waits for web-1")
        site.peer("web-1", good=NEXT)
        one.turn()
        assert (site.kept, site.waiting) == (Memory(NEXT), "")

    def test_one_that_refused_it_stops_the_others(self, site: Site) -> None:
        site.peer("web-1", good=GOOD, refused={"package": NEXT, "reason": "its agent did not answer for 60 s"})
        site.publish(archive("second"))
        site.launcher.turn()
        assert (site.host.current, site.waiting) == (GOOD, "web-1 refused it: its agent did not answer for 60 s")

    def test_a_machine_that_is_being_replaced_stops_nobody(self, site: Site) -> None:
        site.peer("web-1", good=GOOD, refused={"package": NEXT, "reason": "x"})
        site.publish(archive("second"))
        one = site.launcher
        one.turn()
        assert site.waiting == "web-1 refused it: x"
        site.enlist("m-web-1-new", "web-1", "new.test", "webServer")
        site.host.agents["http://new.test:9000/state"] = json.dumps({"machine": "m-web-1-new", "package": {"good": NEXT}})
        one.turn()
        assert site.kept == Memory(NEXT)

    def test_one_that_refused_another_one_is_waited_for(self, site: Site) -> None:
        site.peer("web-1", good=GOOD, refused={"package": "c" * 64, "reason": "x"})
        site.publish(archive("second"))
        site.launcher.turn()
        assert site.waiting == "waits for web-1"

    def test_one_that_is_silent_is_passed_over_after_three_minutes(self, site: Site) -> None:
        url = site.peer("web-1", good=GOOD)
        # Another machine has its address by now: that is no answer of this one.
        site.host.agents[url] = json.dumps({"machine": "m-9", "package": {"good": NEXT}})
        site.publish(archive("second"))
        one = site.launcher
        for _ in range(180):
            site.host.seconds += one.turn() - 0.01
            assert (site.host.current, site.waiting) == (GOOD, "waits for web-1, which does not answer")
        site.host.seconds += 2
        one.turn()
        assert site.kept == Memory(NEXT)

    def test_one_whose_new_agent_hangs_and_is_slow_to_stop_is_not_passed_over(self, site: Site) -> None:
        # Each look waits for systemd and for the agent.
        site.host.ill[NEXT] = lambda _: {"says": None, "slow": 4.0}
        site.publish(archive("second"))
        began = site.host.seconds
        site.launcher.turn()
        assert site.kept == Memory(GOOD, None, {"package": NEXT, "reason": "its agent did not answer for 60 s"})
        silent, systemd_kills_after = site.host.restarted - began, 90
        assert launcher.DEADLINE < silent < launcher.MACHINE_SILENT - systemd_kills_after

    def test_an_answer_in_between_begins_the_three_minutes_anew(self, site: Site) -> None:
        url = site.peer("web-1", good=GOOD)
        site.publish(archive("second"))
        one = site.launcher
        for answer in (None, site.host.agents[url], None):
            site.host.agents[url] = answer
            one.turn()
            site.host.seconds += 179
        assert site.host.current == GOOD

    def test_one_of_a_version_without_packages_is_passed_over(self, site: Site) -> None:
        site.peer("web-1")
        site.publish(archive("second"))
        site.launcher.turn()
        assert site.kept == Memory(NEXT)

    def test_a_machine_that_is_not_listed_waits(self, site: Site) -> None:
        site.peer("web-1")
        (site.root / "var/lib/webinfra/channel/inventory/m-2.json").unlink()
        site.publish(archive("second"))
        site.launcher.turn()
        assert (site.host.current, site.waiting) == (GOOD, "this machine is not in the inventory yet")


class TestABrokenSync:
    def test_is_mended_by_a_pointer_that_the_launcher_itself_reads(self, site: Site) -> None:
        site.publish(archive("second"), heard=False)
        one = site.launcher
        site.host.seconds += 119
        one.turn()
        assert site.host.current == GOOD
        site.host.seconds += 2
        one.turn()
        assert site.kept == Memory(NEXT)

    def test_that_the_host_began_with_tells_of_no_machine_to_wait_for(self, site: Site) -> None:
        shutil.rmtree(site.root / "var/lib/webinfra/channel")
        site.publish(archive("second"), heard=False)
        launcher = site.launcher
        site.host.seconds += 121
        launcher.turn()
        assert site.kept == Memory(NEXT)

    def test_is_looked_after_once_a_minute(self, site: Site) -> None:
        one = site.launcher
        site.host.seconds += 121
        one.turn()
        site.publish(archive("second"), heard=False)
        site.host.seconds += 58
        one.turn()
        assert site.host.current == GOOD
        site.host.seconds += 3
        one.turn()
        assert site.host.current == NEXT

    def test_is_not_thought_of_while_sync_reads_the_channel(self, site: Site) -> None:
        one = site.launcher
        site.host.seconds += 500
        (site.root / "run/webinfra/synced").write_text("1499.000\n")
        site.publish(archive("second"), heard=False)
        one.turn()
        assert site.host.current == GOOD


class TestALauncherThatWasKilled:
    @pytest.mark.parametrize("at", ["systemctl show", "systemctl try-restart", "sync -f"])
    def test_undoes_what_was_under_way_and_tries_anew(self, site: Site, at: str) -> None:
        site.publish(archive("second"))
        site.host.dies_at = at
        with pytest.raises(KeyboardInterrupt):
            site.launcher.turn()
        site.host.dies_at = None
        again = site.launcher
        again.resume()
        assert (site.host.current, site.kept) == (GOOD, Memory(GOOD))
        again.turn()
        assert site.kept == Memory(NEXT)

    def test_does_not_try_again_what_it_had_refused(self, site: Site) -> None:
        site.host.ill[NEXT] = lambda _: {"says": None}
        site.publish(archive("second"))
        one = site.launcher
        undone: list[Memory] = []

        def die(memory: Memory) -> None:
            undone.append(memory)
            raise KeyboardInterrupt

        one.undo = die  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            one.turn()
        refused = {"package": NEXT, "reason": "its agent did not answer for 60 s"}
        assert (site.host.current, site.kept) == (NEXT, Memory(GOOD, NEXT, refused))
        site.launcher.resume()
        assert (site.host.current, site.kept) == (GOOD, Memory(GOOD, None, refused))

    def test_points_at_the_good_one_when_it_died_right_after_the_first_install_was_noted(self, tmp_path: Path) -> None:
        site = Site(tmp_path)
        site.publish(archive("first"))
        one = site.launcher
        one.fetch(GOOD)
        one.remember(Memory(GOOD))
        site.launcher.install()
        assert site.host.current == GOOD

    def test_leaves_alone_what_is_as_it_should_be(self, site: Site) -> None:
        site.host.commands.clear()
        site.launcher.resume()
        assert site.host.commands == []

    def test_takes_the_current_package_for_good_when_its_memory_is_lost(self, site: Site) -> None:
        (site.root / "var/lib/webinfra/package.json").write_text("{")
        assert site.kept == Memory(GOOD)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 1, "package": "abc"}', f'{{"version": 3, "package": "{GOOD}"}}'])
def test_a_pointer_that_cannot_be_used_names_nothing(text: str) -> None:
    assert package_of(text) is None


def test_a_command_that_fails_says_why_and_one_that_does_not_end_too() -> None:
    host = Host()
    with pytest.raises(Failed, match=r"^bash failed \(3\): because$"):
        host.run("bash", "-c", "echo because >&2; exit 3")
    with pytest.raises(Failed, match="timed out after"):
        host.run("sleep", "9", seconds=0.05)
    assert host.ask("http://127.0.0.1:9/state", 1) is None
