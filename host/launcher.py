#!/usr/bin/python3 -BP
"""Brings the host package that the channel names here, and goes back when it is no good. Needs nothing of it: it may be broken.

launcher install: gets one if there is none. launcher run: follows the pointer, in this host's turn.
"""

import contextlib
import hashlib
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

UNITS = ("webinfra-sync.service", "webinfra-agent.service", "webinfra-database.service", "webinfra-address.service")
# Seconds: a new package has so long to become good, and has to stay so; a sync that says nothing is given up.
DEADLINE, SETTLE, SYNC_SILENT = 60.0, 5.0, 120.0
# A machine that says nothing is passed over. It may be trying a package whose agent hangs, then stop that agent: systemd kills after 90 s.
MACHINE_SILENT = DEADLINE + 90.0 + 30.0
POINTER = "pointers/host.json"
STOPS = 3


class Failed(Exception):
    """What the next try may do."""


class Unfit(Exception):
    """No try will do better with this package."""


@dataclass(frozen=True)
class Memory:
    good: str
    trying: str | None = None
    refused: dict[str, str] | None = None


class Host:
    """The world outside. Files are below `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def now(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def run(self, *command: str, seconds: float = 200) -> str:
        try:
            return subprocess.run(
                command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds
            ).stdout
        except subprocess.CalledProcessError as error:
            raise Failed(f"{command[0]} failed ({error.returncode}): {str(error.stderr).strip()[-200:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)) from error

    def ask(self, url: str, seconds: float) -> str | None:
        """The answer's text, whatever its status. By curl, whose time-out is for the whole of it."""
        with contextlib.suppress(Failed):
            return self.run("curl", "--silent", "--noproxy", "*", "--max-filesize", "1000000", "--max-time", str(seconds), url, seconds=seconds + 5)
        return None


def parsed(text: str | None) -> dict[str, object]:
    """A JSON object; an empty one for what is none."""
    with contextlib.suppress(ValueError, RecursionError):
        value: object = json.loads(text or "")
        return value if isinstance(value, dict) else {}
    return {}


def inner(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def package_of(pointer: str) -> str | None:
    document = parsed(pointer)
    found = document.get("package")
    known = document.get("version") in (1, 2) and isinstance(found, str) and re.fullmatch("[0-9a-f]{64}", found)
    return str(found) if known else None


class Launcher:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.lib, self.kept, self.run, self.etc = (
            host.root / path for path in ("usr/local/lib/webinfra", "var/lib/webinfra", "run/webinfra", "etc/webinfra")
        )
        settings = parsed(self.read(self.etc / "launcher.json"))
        self.name, self.port, self.folder = settings["name"], settings["port"], settings.get("directory")
        self.machine = (re.findall("^MACHINE_ID=(.*)$", self.read(self.etc / "machine.env"), re.MULTILINE) or [""])[0]
        self.started = self.asked = host.now()
        # What this program itself found in the channel, and of the package that is wanted: who has it, and who has been silent since when.
        self.found: str | None = None
        self.turns_of = ""
        self.done: set[str] = set()
        self.silent: dict[str, float] = {}

    def read(self, path: Path) -> str:
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    def write(self, path: Path, text: str) -> None:
        """In one step, and on the disk when this returns."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.launcher-new")
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    @property
    def memory(self) -> Memory:
        text = parsed(self.read(self.kept / "package.json"))
        good, trying, refused = text.get("good"), text.get("trying"), inner(text.get("refused"))
        if not isinstance(good, str):
            good = (self.lib / "current").readlink().name
        return Memory(good, str(trying) if trying else None, {key: str(value) for key, value in refused.items()} or None)

    def remember(self, memory: Memory) -> None:
        self.write(self.kept / "package.json", json.dumps(asdict(memory)))

    def copy(self, key: str, to: Path) -> None:
        """Gets a file of the channel."""
        if self.folder is None:
            limits = ("--contimeout", "5s", "--timeout", "30s", "--retries", "1")
            self.host.run("rclone", "--config", str(self.etc / "rclone.conf"), *limits, "copyto", f"channel:{key}", str(to))
            return
        try:
            shutil.copyfile(f"{self.folder}/{key}", to)
        except OSError as error:
            raise Failed(str(error)) from error

    def named(self) -> str:
        """The package that the channel itself names."""
        with tempfile.TemporaryDirectory() as folder:
            self.copy(POINTER, Path(folder) / "pointer")
            found = package_of(self.read(Path(folder) / "pointer"))
        if found is None:
            raise Failed(f"{POINTER} of the channel names no host package that this launcher understands")
        return found

    def fetch(self, package: str) -> None:
        home = self.lib / "packages"
        if (home / package).is_dir():
            return
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=home) as fresh:
            archive, folder = Path(fresh) / "archive", Path(fresh) / "package"
            self.copy(f"packages/{package}.tar.gz", archive)
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != package:
                raise Failed(f"the channel holds another file in its place, with SHA-256 {found[:12]}")
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(folder, filter="data")
            except (tarfile.TarError, EOFError, zlib.error) as error:
                raise Unfit(f"it cannot be unpacked: {error}") from error
            try:
                # A folder is never changed once it is there: Python need not compare times. To compileall, a full disk would be as bad a program.
                for program in sorted((folder / "webinfra").rglob("*.py")):
                    py_compile.compile(str(program), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            except py_compile.PyCompileError as error:
                raise Unfit("its programs cannot be compiled") from error
            # A power loss must not leave the name without the programs.
            self.host.run("sync", "-f", str(folder))
            folder.rename(home / package)
            self.host.run("sync", "-f", str(home))

    def point(self, package: str) -> None:
        fresh = self.lib / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"packages/{package}")
        fresh.replace(self.lib / "current")

    def install(self) -> None:
        if (self.lib / "current/webinfra-host").exists():
            return
        package = self.named()
        self.fetch(package)
        self.remember(Memory(package))
        self.point(package)

    def wanted(self) -> str | None:
        now, local = self.host.now(), package_of(self.read(self.kept / "channel" / POINTER))
        if now - max(self.synced(), self.started) <= SYNC_SILENT:
            return local
        # A sync that is broken is mended by a package that it does not hear of.
        if now - self.asked >= 60:
            self.asked = now
            with contextlib.suppress(Failed):
                self.found = self.named()
        return self.found or local

    def synced(self) -> float:
        with contextlib.suppress(ValueError):
            return float(self.read(self.run / "synced"))
        return 0.0

    def order(self) -> list[tuple[int, str, str, str]]:
        """The machines in the order of their turns: rank, name, machine, address."""
        found = []
        for path in (self.kept / "channel/inventory").glob("*.json"):
            entry = parsed(self.read(path))
            roles = entry.get("roles")
            if isinstance(roles, list):
                rank = 2 if "database" in roles else int("loadBalancer" in roles)
                found.append((rank, str(entry.get("name")), str(entry.get("machine")), str(entry.get("address"))))
        return sorted(found)

    def hold(self, wanted: str) -> str | None:
        """Why it is not this host's turn."""
        if self.turns_of != wanted:
            self.turns_of, self.done, self.silent = wanted, set(), {}
        reasons: list[tuple[str, str]] = []
        machines = self.order()
        if not machines:
            # A sync that never worked tells of nobody, and would never be mended. No proxy that knows as little sends to this host.
            return None
        for _, name, machine, address in machines:
            if machine == self.machine:
                break
            if machine not in self.done:
                reasons += [(name, reason) for reason in self.waits_for(wanted, name, machine, address)]
        else:
            return "this machine is not in the inventory yet"
        # While a host is replaced it has two machines. The new one came with the package; the old one, which has older files, may be unable to.
        here = {name for _, name, machine, _ in machines if machine in self.done}
        return next((reason for name, reason in reasons if name not in here), None)

    def waits_for(self, wanted: str, name: str, machine: str, address: str) -> list[str]:
        said, now = parsed(self.host.ask(f"http://{address}:{self.port}/state", 1)), self.host.now()
        if said.get("machine") != machine:
            return [f"waits for {name}, which does not answer"] if now - self.silent.setdefault(machine, now) < MACHINE_SILENT else []
        self.silent.pop(machine, None)
        package = inner(said.get("package"))
        refused = inner(package.get("refused"))
        if not package:
            return []
        if refused.get("package") == wanted:
            return [f"{name} refused it: {refused.get('reason')}"]
        if package.get("good") == wanted:
            self.done.add(machine)
            return []
        return [f"waits for {name}"]

    def wait(self, words: str | None) -> None:
        """Leaves for the agent why the package is not tried yet."""
        path = self.run / "package-waiting"
        if self.read(path) != (words or ""):
            self.write(path, words or "")
            print(words or "no longer waits", flush=True)

    def turn(self) -> float:
        """One look; the seconds to rest."""
        memory, wanted = self.memory, self.wanted()
        if wanted is not None and memory.refused and memory.refused["package"] != wanted:
            memory = replace(memory, refused=None)
            self.remember(memory)
        if wanted is None or wanted == memory.good or memory.refused:
            self.wait(None)
            return 1
        reason = self.hold(wanted)
        if reason is None:
            try:
                self.fetch(wanted)
            except (Failed, OSError) as failure:
                self.wait(f"cannot be fetched: {failure}")
                return 10
            except Unfit as unfit:
                self.refuse(memory, wanted, str(unfit))
                return 1
            self.wait(None)
            self.attempt(memory, wanted)
            return 1
        self.wait(reason)
        return 1

    def attempt(self, memory: Memory, wanted: str) -> None:
        was_healthy = parsed(self.host.ask(f"http://127.0.0.1:{self.port}/state", 2)).get("healthy") is True
        self.remember(replace(memory, trying=wanted))
        since = self.host.now()
        self.point(wanted)
        units = self.restart()
        reason = self.watch(wanted, units, since, was_healthy=was_healthy)
        if reason is None:
            self.remember(Memory(wanted))
            print(f"host package {wanted} is good", flush=True)
            return
        memory = replace(memory, trying=wanted, refused={"package": wanted, "reason": reason})
        self.remember(memory)
        self.undo(memory)
        print(f"refused host package {wanted}: {reason}", flush=True)

    def refuse(self, memory: Memory, wanted: str, reason: str) -> None:
        self.remember(replace(memory, refused={"package": wanted, "reason": reason}))

    def undo(self, memory: Memory) -> None:
        self.point(memory.good)
        self.restart()
        self.remember(replace(memory, trying=None))

    def resume(self) -> None:
        """A switch that was cut short is undone; unless it was refused, it is tried anew in its turn."""
        memory = self.memory
        if memory.trying or (self.lib / "current").readlink().name != memory.good:
            self.undo(memory)

    def units(self) -> dict[str, tuple[str, int]]:
        """State and restarts of the package's units that are enabled and were started."""
        found = {}
        for block in self.host.run("systemctl", "show", "--property", "Id,ActiveState,UnitFileState,NRestarts", *UNITS).split("\n\n"):
            unit = dict(line.partition("=")[::2] for line in block.splitlines())
            if unit.get("UnitFileState") == "enabled" and unit["ActiveState"] != "inactive":
                found[unit["Id"]] = (unit["ActiveState"], int(unit["NRestarts"]))
        return found

    def restart(self) -> dict[str, int]:
        """Restarts of each unit, as they were counted afterwards."""
        units = self.units()
        # One that does not start is seen by who watches.
        with contextlib.suppress(Failed):
            self.host.run("systemctl", "try-restart", *units)
        now = self.units()
        return {unit: now.get(unit, ("", 0))[1] for unit in units}

    def watch(self, wanted: str, counted: dict[str, int], since: float, *, was_healthy: bool) -> str | None:
        """Why the package is no good; None: it is."""
        ends, well, last, reason = self.host.now() + DEADLINE, None, counted, f"it was never well for {SETTLE:g} s"
        while self.host.now() < ends:
            units = self.units()
            stops = {unit: units.get(unit, ("", 0))[1] for unit in counted}
            for unit, count in stops.items():
                if count - counted[unit] >= STOPS:
                    return f"{unit} stopped {STOPS} times"
            down = [f"{unit} does not run" for unit in counted if units.get(unit, ("", 0))[0] != "active"]
            problem = down[0] if down else self.problem(wanted, since, was_healthy=was_healthy)
            now = self.host.now()
            if problem or stops != last:
                well, reason, last = None, problem or reason, stops
            elif well is None:
                well = now
            elif now - well >= SETTLE:
                return None
            self.host.sleep(0.5)
        return reason

    def problem(self, wanted: str, since: float, *, was_healthy: bool) -> str | None:
        body = self.host.ask(f"http://127.0.0.1:{self.port}/state", 2)
        if body is None:
            return f"its agent did not answer for {DEADLINE:g} s"
        said = parsed(body)
        package, healthy = said.get("package"), said.get("healthy")
        if not isinstance(package, dict) or not isinstance(healthy, bool):
            return f"its agent answered with something else than its state: {json.dumps(body[:80])}"
        if (said.get("name"), said.get("machine")) != (self.name, self.machine):
            return f"its agent says that this host is {said.get('name')} (machine {said.get('machine')})"
        if package.get("running") != wanted:
            return f"its agent runs host package {str(package.get('running'))[:12]}"
        if was_healthy and not healthy:
            return f"the host was healthy, and is not: {said.get('error')}"
        return None if self.synced() > since else f"its sync did not read the channel for {DEADLINE:g} s"


def main() -> None:
    os.umask(0o022)
    launcher = Launcher(Host())
    try:
        if sys.argv[1:] == ["install"]:
            launcher.install()
        elif sys.argv[1:] != ["run"]:
            sys.exit("usage: launcher install|run")
        else:
            launcher.resume()
            while True:
                launcher.host.sleep(launcher.turn())
    except (Failed, Unfit, OSError) as failure:
        sys.exit(f"the host package: {failure}")


if __name__ == "__main__":
    main()
