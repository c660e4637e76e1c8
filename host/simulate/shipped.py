"""The shipped programs in the world's place: what they are given instead of MySQL, files, a clock and a network."""

import json
from collections.abc import Mapping

from pymysql.err import OperationalError
from webinfra import places
from webinfra.database.act import Hands
from webinfra.database.observe import Eyes, Heard, Settings, Watch
from webinfra.database.program import Program, step
from webinfra.protocol import Entry, Refused, parse_entry, parse_primary_pointer

from .kernel import Broken
from .mysql import Connection
from .world import Host, Pointed, World


class MemoryFiles:
    """A host's files; those below /run are gone when it boots."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _store(self, path: str) -> dict[str, str]:
        return self._host.run if path.startswith("/run/") else self._host.disk

    def read(self, path: str) -> str | None:
        return self._store(path).get(path)

    def write(self, path: str, text: str, *, durable: bool = False) -> None:
        self._store(path)[path] = text

    def remove(self, path: str) -> None:
        self._store(path).pop(path, None)

    def names(self, folder: str) -> tuple[str, ...]:
        prefix = f"{folder}/"
        return tuple(sorted(path.removeprefix(prefix) for path in self._store(prefix) if path.startswith(prefix)))


class HostClock:
    def __init__(self, host: Host) -> None:
        self._kernel, self._booted = host.world.kernel, host.booted_at

    def now(self) -> float:
        return self._kernel.now - self._booted

    def sleep(self, seconds: float) -> None:
        self._kernel.wait(seconds)


class Tasks:
    """Asks each peer in a task of its own, as the program does in threads."""

    def __init__(self, host: Host, watch: Watch, clock: HostClock) -> None:
        self._host, self._watch, self._clock = host, watch, clock
        self._asked: set[str] = set()
        self.period = 0.1

    def heard(self, entries: tuple[Entry, ...]) -> Mapping[str, Heard]:
        for entry in entries:
            if entry.name not in self._asked:
                self._asked.add(entry.name)
                self._host.tasks.append(self._host.world.kernel.spawn(self._host, lambda entry=entry: self._run(entry), ended))  # type: ignore[misc]
        return dict(self._watch.heard)

    def _run(self, entry: Entry) -> None:
        while True:
            self._watch.turn(entry.name, entry.address)
            self._clock.sleep(self.period)


def ended(problem: BaseException | None) -> None:
    raise Broken(f"a program ends: {problem!r}")


class Shipped:
    def __init__(self, world: World) -> None:
        self.world = world

    def start(self, host: Host) -> None:
        world, kernel = self.world, self.world.kernel
        files, clock = MemoryFiles(host), HostClock(host)
        host.disk.setdefault(f"{places.SECRETS}/app-password", "x")
        host.disk.setdefault(f"{places.SECRETS}/replication-password", "x")
        settings = Settings(host.name, "z.internal", "site", world.require)

        def connect(seconds: float) -> Connection:
            return Connection(host.server, host.number, seconds)

        def ask(address: str, seconds: float) -> str | None:
            return world.ask(host.number, f"db-{address.rsplit('.', 1)[-1]}", seconds)

        class Body:
            def kill_mysql(self) -> None:
                host.server.kill()

            def say(self, words: str) -> None:
                world.say(f"{host.name}: {words}")

        def run() -> None:
            tasks = Tasks(host, Watch(ask, clock), clock)
            program = Program(Eyes(settings, connect, tasks, files, clock), Hands(settings, connect, files, clock, Body()))
            said: str | None = None
            while True:
                pause, said = step(program, said, Body())
                tasks.period = pause
                clock.sleep(pause)

        def sync() -> None:
            seen: dict[str, str] = {}
            while True:
                if host.reads_channel():
                    for key, text in world.channel.items():
                        if seen.get(key) != text:
                            try:
                                parse_primary_pointer(text) if key.startswith("pointers") else parse_entry(text)
                            except Refused:
                                continue
                            seen[key] = text
                            files.write(f"{places.CHANNEL}/{key}", text)
                    files.write(places.SYNCED, str(clock.now()))
                kernel.wait(kernel.random.uniform(0.8, 1.4))

        host.tasks = [kernel.spawn(host, program, ended) for program in (sync, run)]

    def state(self, host: Host) -> str | None:
        if not host.tasks:
            return None
        member = json.loads(host.run.get(places.MEMBER, "null"))
        server = host.server
        if member is not None:
            member["ageSeconds"] = max(0.0, self.world.kernel.now - host.booted_at - member["at"])
        said = member or {}
        return json.dumps(
            {
                "version": 2,
                "machine": f"m-{host.name}",
                "name": host.name,
                "database": {
                    "role": "none",
                    "writable": server.open and not server.hangs,
                    "epoch": said.get("epoch"),
                    "nonce": said.get("nonce"),
                    "holds": said.get("holds"),
                    "fenced": said.get("fenced"),
                    "executed": said.get("executed"),
                    "received": said.get("received"),
                    "member": member,
                },
            }
        )

    def pointer(self, epoch: int, nonce: str, primary: str, previous: Pointed | None, force: bool) -> str:
        before = None if previous is None else {"epoch": previous.epoch, "nonce": previous.nonce, "primary": previous.primary}
        return json.dumps({"version": 2, "epoch": epoch, "nonce": nonce, "primary": primary, "previous": before, "force": force})

    def _memory(self, host: Host) -> dict[str, object]:
        return json.loads(host.disk.get(places.MEMORY, "{}"))  # type: ignore[no-any-return]

    def fence(self, host: Host) -> str | None:
        fence = self._memory(host).get("fence")
        return json.dumps(fence) if fence else None

    def check(self, host: Host) -> None:
        """It opens by the newest pointer that it knows."""
        memory = self._memory(host)
        promises, opened = memory.get("promises"), memory.get("opened")
        copy = parse_primary_pointer(host.disk[f"{places.PRIMARY_POINTER}"])
        if not isinstance(promises, list) or promises[0] != opened:
            raise Broken(f"{host.name} opens by {opened} and has promised {promises}")
        if copy.epoch.number > promises[0][0]:
            raise Broken(f"{host.name} opens by {promises[0]} and its copy of the channel has {copy.epoch}")


__all__ = ["OperationalError", "Shipped"]
