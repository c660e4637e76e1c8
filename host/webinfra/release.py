"""Runs the release that the channel's pointer names: fetched, verified, unpacked, started beside the old one, switched to when healthy.

Ends when that is done, or with words when it cannot be: systemd starts it again, and sync when the pointer moves.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webinfra import places
from webinfra.application_log import position
from webinfra.clock import BootClock
from webinfra.files import Disk, Files
from webinfra.log import Journal, Log
from webinfra.outside import Commands, Failed, Internet, Shell
from webinfra.protocol import Refused, parse_release_pointer
from webinfra.proxy_socket import Proxy, ProxySocket, statistics
from webinfra.settings import Fields, domain, read_object
from webinfra.trial import Application, Trial, Trouble
from webinfra.trial import World as Looks
from webinfra.tried import Tried, environment_digest, last_tried

ROOT: Final = "/srv/app"
# Which release each of the two runs, for the local proxy.
MAP: Final = "/var/lib/webinfra/releases.map"
ADMIN: Final = "/run/webinfra-proxy/admin.sock"
# Releases that stay, so that going back needs no download.
KEPT: Final = 3
# Seconds that an application which systemd started at boot may take to begin to answer, and a new one to become healthy.
AT_BOOT: Final = 30
BECOME: Final = 60
# Seconds after which is told what a new one is short of; before that, it is merely starting.
TELL: Final = 3
# And before the same is told anew: each time is a line for whoever waits.
TELL_AGAIN: Final = 10
# And for which it has to stay healthy: one that ends soon after its start must not take over. One that is being written may.
STEADY: Final = 6
# Seconds between two looks at one that is being started, and at one that somebody waits for who is writing it.
PAUSE: Final = 0.5
QUICK_PAUSE: Final = 0.1
# One that ends again and again needs no minute to be known as broken.
ENDS: Final = 5
_RELEASE: Final = re.compile(r"[0-9a-f]{64}")


class Unfit(Failed):
    """What was started did not become healthy."""

    def __init__(self, tried: Tried) -> None:
        super().__init__(f"release {tried.release} did not become healthy: {tried.reason}: see journalctl -u {tried.unit}")
        self.tried = tried


class Store:
    """The releases on this host's disk."""

    def __init__(self, root: str, commands: Commands) -> None:
        self._root = Path(root)
        self._commands = commands

    def has(self, release: str) -> bool:
        return self._release(release).is_dir()

    def fetch(self, release: str) -> None:
        """Makes a release from its archive in the channel: whole, or not at all, also after a loss of power."""
        fresh, archive = self._root / "releases/.new", self._root / f"{release}.tar.gz"
        shutil.rmtree(fresh, ignore_errors=True)
        archive.unlink(missing_ok=True)
        fresh.mkdir(parents=True)
        rclone = ("rclone", "--config", f"{places.SETTINGS}/rclone.conf", "--contimeout", "5s", "--timeout", "60s")
        self._commands.run((*rclone, "copyto", f"channel:releases/{release}.tar.gz", str(archive)), seconds=500)
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != release:
            raise Failed(f"its archive has the SHA-256 {found}")
        self._commands.run(("tar", "-xzf", str(archive), "-C", str(fresh), "--no-same-owner"), seconds=300)
        archive.unlink()
        # tar gave it the time of the archive's folder, and the oldest go first.
        os.utime(fresh)
        self._commands.run(("sync", "-f", str(fresh)), seconds=120)
        fresh.rename(self._release(release))

    def point(self, link: str, release: str) -> None:
        """Lets a link lead to a release, in one step."""
        fresh = self._root / f"{link}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"releases/{release}")
        fresh.rename(self._root / link)

    def tidy(self, running: str) -> None:
        """Removes all but the newest releases; never the one that runs."""
        folders = [path for path in (self._root / "releases").iterdir() if path.is_dir() and not path.is_symlink()]
        for old in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            if old.name != running:
                shutil.rmtree(old)

    def _release(self, release: str) -> Path:
        return self._root / "releases" / release


@dataclass(frozen=True)
class Settings:
    # False: a web server that only serves the static files.
    runs_app: bool
    # Of blue; green has the next one.
    port: int
    health_path: str
    # Where the host's settings say none: it was made before there were any.
    domain: str
    # Empty where the host was made before it was told.
    start: str = ""

    @staticmethod
    def load(files: Files) -> "Settings":
        fields = Fields.load(files, "release")
        return Settings(fields.flag("runsApp"), fields.whole("port"), fields.text("healthPath"), fields.optional("domain"), fields.optional("start"))


@dataclass(frozen=True)
class World(Looks):
    """What a switch needs to know of, and to do."""

    proxy: Proxy
    store: Store
    log: Log


class Switch:
    """One run of the program."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._files = world.files
        self._clock = world.clock
        self._commands = world.commands
        self._looks: Looks = world
        self._proxy = world.proxy
        self._store = world.store
        self._log = world.log
        self._domain = domain(world.files, settings.domain)
        self._running = ""
        self._quick = False

    def run(self) -> None:
        """Failed when the release that is wanted does not serve in the end; the one before does then."""
        try:
            pointer = parse_release_pointer(self._files.read(places.RELEASE_POINTER) or "")
        except Refused as refused:
            raise Failed(f"the release pointer {refused}") from refused
        wanted, self._quick = pointer.release, pointer.quick
        # A file that a loss of power left empty says nothing.
        colour, self._running = self._active()
        try:
            if not self._store.has(wanted):
                self._fetch(wanted)
            if self._settings.runs_app:
                self._switch(wanted, colour)
            else:
                self._store.point("current", wanted)
                self._running = wanted
                self._log.say(f"serving the files of release {wanted}")
        except (Failed, OSError) as failure:
            self._report(wanted, str(failure), failure.tried if isinstance(failure, Unfit) else None)
            raise
        self._report(wanted, "")

    def _fetch(self, wanted: str) -> None:
        try:
            self._store.fetch(wanted)
        except (Failed, OSError) as failure:
            raise Failed(f"release {wanted} could not be fetched: {failure}") from failure

    def _switch(self, wanted: str, colour: str | None) -> None:
        new = "green" if colour == "blue" else "blue"
        # Once: when it does not become healthy, the one that runs is left alone.
        anew = self._files.read(places.START_ANEW) is not None
        self._files.remove(places.START_ANEW)
        if not anew and colour is not None and self._running == wanted and self._environment("") == self._environment(f".{colour}"):
            if self._serves(colour):
                # What is left of the one before, or of one that was on its way when the pointer came back to this one.
                self._stop(new)
                self._take_in(colour)
                self._take_in(new)
                return
            new = colour
        self._store.point(new, wanted)
        self._name(new, wanted)
        # Before the start, because the proxy sends to it as soon as it is healthy; at the host's first boot, there is no proxy yet.
        self._told(new, wanted, tries=5)
        if colour in (None, new):
            self._take_in(new)
        else:
            self._hold_back(new)
        self._start(new, wanted, colour)
        if not self._told(new, wanted, tries=300):
            raise Failed(f"the local proxy does not take the name of release {wanted}: see journalctl -u webinfra-proxy")
        self._take_in(new)
        if not self._within(300, 0.1, lambda: self._proxy_sees(new)):
            raise Failed(f"the local proxy does not see release {wanted} serve: see journalctl -u webinfra-proxy")
        self._systemctl("--quiet", "--no-reload", "enable", _unit(new))
        self._store.point("current", wanted)
        self._files.write(places.ACTIVE, f"{new} {wanted}\n", durable=True)
        self._running = wanted
        # Nobody need wait for the last answer of the old one.
        self._report(wanted, "")
        if colour is not None and colour != new:
            self._leave(colour)
        self._store.tidy(wanted)
        self._log.say(f"release {wanted} runs as {new}")

    def _serves(self, colour: str) -> bool:
        """At boot systemd starts the release that ran before: it gets its time to answer."""
        ends = self._clock.now() + AT_BOOT
        trial = Trial(self._application(colour), self._looks)
        while self._clock.now() < ends and self._is_active(colour):
            if trial.look() is None:
                return True
            self._clock.sleep(0.5)
        return False

    def _environment(self, suffix: str) -> str:
        """The variables that settings give it now, or with a suffix such as `.blue` those that it was started with; empty where there were none."""
        return self._files.read(f"{places.ENVIRONMENT}{suffix}") or ""

    def _start(self, new: str, wanted: str, colour: str | None) -> None:
        environment = self._environment("")
        if environment or self._environment(f".{new}"):
            self._files.write(f"{places.ENVIRONMENT}.{new}", environment, durable=True, private=True)
        self._files.write(f"{places.RELEASE_ENVIRONMENT}.{new}", f"RELEASE={wanted}\n", durable=True)
        before = self._tried_before(wanted, new, environment_digest(environment))
        # Of now: what ends because something that it needs is not there yet is no broken one.
        settled, database = self._set_up(), self._database_is_there()
        if before is None:
            # What ran here before may write until it has ended, and that is not of this one.
            self._systemctl("stop", _unit(new))
        since = position(self._commands) if before is None else before.since
        self._systemctl("restart", _unit(new))
        trial = Trial(self._application(new), self._looks)

        def tried(trouble: Trouble, *, final: bool) -> Tried:
            return Tried(wanted, _unit(new), since, environment_digest(environment), trouble.words, trouble.cause, final)

        told = ("", 0.0)
        steady, pause, hopeless = (0, QUICK_PAUSE, ("start", "end")) if self._quick else (STEADY, PAUSE, ("start",))
        while (trouble := trial.look()) is not None or trial.steady() < steady:
            if trouble is not None:
                if trouble.cause in hopeless or trial.seconds() >= BECOME or trial.restarts >= ENDS or trial.failed:
                    break
                soon = TELL if trouble.cause != told[0] else told[1] + TELL_AGAIN
                if trial.seconds() >= soon and not _is_known_better(trouble, before):
                    told = (trouble.cause, trial.seconds())
                    self._tell(wanted, tried(trouble, final=False))
            self._clock.sleep(pause)
        if trouble is None:
            return
        if new != colour:
            self._stop(new)
        ends_again = trouble.cause == "end" and before is not None and before.cause == "end"
        raise Unfit(tried(trouble, final=settled and (trouble.cause == "start" or (ends_again and database))))

    def _tried_before(self, wanted: str, new: str, environment: str) -> Tried | None:
        """What came of it when it was started before, if that was the same."""
        before = last_tried(self._files)
        same = before is not None and (before.release, before.unit, before.environment) == (wanted, _unit(new), environment)
        return before if same else None

    def _application(self, colour: str) -> Application:
        settings = self._settings
        return Application(_unit(colour), settings.start, settings.port + (colour == "green"), settings.health_path, self._domain)

    def _set_up(self) -> bool:
        return (self._files.read(places.CONVERGE) or "").splitlines()[:1] == ["done"]

    def _database_is_there(self) -> bool:
        """Whether the application reaches one that takes writes."""
        return self._shown("BACKEND", "status", "primary").startswith("UP")

    def _leave(self, colour: str) -> None:
        """Lets the old one finish what it has, and stops it."""
        self._proxy.tell(f"set server app/{colour} state drain")
        self._within(100, 0.1, lambda: self._shown(colour, "scur") == "0")
        self._stop(colour)
        self._take_in(colour)

    def _name(self, new: str, wanted: str) -> None:
        """Writes down which release one of the two runs. A proxy that starts reads it, and one that runs is told until it says so itself."""
        lines = (self._files.read(MAP) or "").splitlines()
        if len(lines) != 2:
            lines = ["blue none", "green none"]
        named = [f"{new} {wanted}" if line.startswith(f"{new} ") else line for line in lines]
        self._files.write(MAP, "".join(f"{line}\n" for line in named))

    def _told(self, new: str, wanted: str, *, tries: int) -> bool:
        def knows() -> bool:
            if wanted in self._asked(f"get map {MAP} {new}"):
                return True
            self._asked(f"set map {MAP} {new} {wanted}")
            return False

        return self._within(tries, 0.1, knows)

    def _hold_back(self, colour: str) -> None:
        """The proxy sends it nothing new, and goes on asking whether it is healthy."""
        self._asked(f"set server app/{colour} state drain")

    def _take_in(self, colour: str) -> None:
        """A run that was cut short may have left a server in drain."""
        self._asked(f"set server app/{colour} state ready")

    def _proxy_sees(self, colour: str) -> bool:
        return self._shown(colour, "status").startswith("UP")

    def _shown(self, server: str, column: str, backend: str = "app") -> str:
        """What the proxy's statistics say of a server; empty when they say nothing."""
        for line in statistics(self._asked("show stat")):
            if (line.get("pxname"), line.get("svname")) == (backend, server):
                return line.get(column, "")
        return ""

    def _asked(self, command: str) -> str:
        """What the proxy answers; nothing when it is not there."""
        try:
            return self._proxy.tell(command)
        except Failed:
            return ""

    def _within(self, tries: int, pause: float, so: Callable[[], bool]) -> bool:
        for _ in range(tries):
            if so():
                return True
            self._clock.sleep(pause)
        return False

    def _is_active(self, colour: str) -> bool:
        try:
            self._systemctl("--quiet", "is-active", _unit(colour))
        except Failed:
            return False
        return True

    def _stop(self, colour: str) -> None:
        self._systemctl("--quiet", "--no-reload", "disable", "--now", _unit(colour))

    def _systemctl(self, *arguments: str) -> str:
        return self._commands.run(("systemctl", *arguments), seconds=120)

    def _active(self) -> tuple[str | None, str]:
        colour, release, *_ = [*(self._files.read(places.ACTIVE) or "").split(), "", ""]
        return (colour, release) if colour in ("blue", "green") and _RELEASE.fullmatch(release) else (None, "")

    def _report(self, wanted: str, error: str, tried: Tried | None = None) -> None:
        self._write_status({"wanted": wanted, "running": self._running, "error": error, "unfit": tried is not None}, tried)

    def _tell(self, wanted: str, tried: Tried) -> None:
        """Says how far one is that is being started. All else is as it was: nothing came of it yet."""
        status = {"wanted": wanted, "running": self._running, "error": "", "unfit": False}
        self._write_status({**status, **read_object(self._files, places.RELEASE_STATUS)}, tried)

    def _write_status(self, status: Mapping[str, object], tried: Tried | None) -> None:
        application = None if tried is None else tried.written()
        self._files.write(places.RELEASE_STATUS, json.dumps({**status, "application": application}) + "\n")


def _is_known_better(trouble: Trouble, before: Tried | None) -> bool:
    """Whether what was said of the try before stays said: it was for certain, or the same, or of one that ended and may be about to end again."""
    if before is None:
        return False
    return before.final or before.cause == trouble.cause or (before.cause, trouble.cause) == ("end", "silence")


def _unit(colour: str) -> str:
    return f"webinfra-app@{colour}"


def main() -> None:
    files, clock, log, commands = Disk(), BootClock(), Journal(), Shell(os.environ)
    internet = Internet()
    world = World(files, clock, commands, internet, internet, ProxySocket(ADMIN), Store(ROOT, commands), log)
    try:
        Switch(Settings.load(files), world).run()
    except (Failed, OSError) as failure:
        log.complain(str(failure))
        sys.exit(1)
