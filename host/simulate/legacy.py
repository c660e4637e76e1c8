"""The programs of agent/ under the simulator: their globals (files, sockets, clocks) are put in the world's place."""

import importlib.util
import json
import pathlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pymysql

from .mysql import Connection
from .world import Host, Pointed, World

AGENT = Path(__file__).resolve().parents[2] / "agent"


class FakePath:
    def __init__(self, host: Host, path: str) -> None:
        self.host, self.path = host, path

    def __truediv__(self, other: str) -> "FakePath":
        return FakePath(self.host, f"{self.path}/{other}")

    def _store(self) -> dict[str, str]:
        return self.host.run if self.path.startswith("/run") else self.host.disk

    def read_text(self) -> str:
        try:
            return self._store()[self.path]
        except KeyError:
            raise FileNotFoundError(self.path) from None

    def write_text(self, text: str) -> None:
        self._store()[self.path] = text
        self._store()[f"{self.path}@"] = str(self.host.world.kernel.now)

    def exists(self) -> bool:
        return self.path in self._store()

    def rename(self, other: "FakePath") -> None:
        other.write_text(self._store().pop(self.path))

    def unlink(self, missing_ok: bool = False) -> None:
        self._store().pop(self.path, None)

    def touch(self) -> None:
        self.write_text(self._store().get(self.path, ""))

    def stat(self) -> types.SimpleNamespace:
        if not self.exists():
            raise FileNotFoundError(self.path)
        return types.SimpleNamespace(st_mtime=float(self._store()[f"{self.path}@"]))

    def glob(self, pattern: str) -> "Iterator[FakePath]":
        for path in sorted(self._store()):
            if path.startswith(f"{self.path}/") and path.endswith(pattern.lstrip("*")):
                yield FakePath(self.host, path)


class LegacyPrograms:
    def __init__(self, world: World) -> None:
        self.world = world
        self.agents: dict[int, object] = {}

    def start(self, host: Host) -> None:
        kernel = self.world.kernel
        host.disk.update(
            {
                "/etc/webinfra/database.json": json.dumps({"name": host.name, "zone": "z.internal", "database": "site", "needsReplica": self.world.require}),
                "/etc/webinfra/agent.json": json.dumps({"name": host.name, "roles": ["database"], "maxLagSeconds": 5, "domain": "x", "checks": []}),
                "/etc/webinfra/secrets/app-password": "x",
                "/etc/webinfra/secrets/replication-password": "x",
            }
        )
        database, agent = self.load(host, "database"), self.load(host, "agent")
        answers = agent.Host()
        self.agents[host.number] = answers

        def polls() -> None:
            while True:
                for poll in (answers.database.poll, answers.poll):
                    poll()
                kernel.wait(0.5)

        def sync() -> None:
            seen = None
            while True:
                if host.reads_channel():
                    if seen != self.world.version:
                        seen = self.world.version
                        for key in [path for path in host.disk if path.startswith("/var/lib/webinfra/channel/")]:
                            del host.disk[key]
                        for key, text in self.world.channel.items():
                            FakePath(host, f"/var/lib/webinfra/channel/{key}").write_text(text)
                    FakePath(host, "/run/webinfra/synced").touch()
                kernel.wait(kernel.random.uniform(0.8, 1.4))

        def ended(problem: BaseException | None) -> None:
            self.world.say(f"{host.name}: a program ends: {problem!r}")
            host.kill_programs()

        host.tasks = [kernel.spawn(host, program, ended) for program in (polls, sync, database.main)]

    def load(self, host: Host, name: str) -> types.ModuleType:
        kernel, world = self.world.kernel, self.world

        def connect(**options: object) -> Connection:
            timeout = float(str(options.get("read_timeout", 30)))
            if "unix_socket" in options:
                return Connection(host.server, host.number, timeout)
            number = world.numbered(str(options["host"]).split(".")[0])
            assert number is not None
            connection = Connection(world.server(number), host.number, timeout)
            if not world.server(number).accounts:
                raise pymysql.err.OperationalError(1045, "Access denied")
            return connection

        class Pool:
            def __init__(self, _size: int) -> None: ...
            def __enter__(self) -> "Pool":
                return self

            def __exit__(self, *_: object) -> None: ...
            def map(self, call, values):  # type: ignore[no-untyped-def]
                return [call(value) for value in values]

        class HTTP:
            def __init__(self, address: str, _port: int, timeout: float) -> None:
                self.name, self.timeout, self.text = f"db-{address.rsplit('.', 1)[-1]}", timeout, ""

            def request(self, *_: object, **__: object) -> None:
                text = world.ask(host.number, self.name, self.timeout)
                if text is None:
                    raise OSError("no answer")
                self.text = text

            def getresponse(self) -> "HTTP":
                return self

            def read(self) -> bytes:
                return self.text.encode()

            def close(self) -> None: ...

        clock = types.SimpleNamespace(time=lambda: kernel.now, monotonic=lambda: kernel.now, sleep=kernel.wait)
        spec = importlib.util.spec_from_file_location(f"legacy_{name}", AGENT / f"{name}.py")
        assert spec and spec.loader
        paths = types.SimpleNamespace(Path=lambda path: FakePath(host, path))
        fake = types.SimpleNamespace(connect=connect, cursors=pymysql.cursors, MySQLError=pymysql.MySQLError, err=pymysql.err)
        real, pathlib.Path = pathlib.Path, paths.Path  # type: ignore[misc, assignment]
        try:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        finally:
            pathlib.Path = real  # type: ignore[misc]
        module.time, module.pymysql, module.pathlib = clock, fake, paths  # type: ignore[attr-defined]
        module.print = lambda *words, **_: world.say(f"{host.name}: {' '.join(map(str, words))}")  # type: ignore[attr-defined]
        # `import pymysql` inside a function of the agent is done when it is called.
        module.http = types.SimpleNamespace(client=types.SimpleNamespace(HTTPConnection=HTTP, HTTPException=OSError))  # type: ignore[attr-defined]
        module.ssl = types.SimpleNamespace(create_default_context=lambda cafile: None)  # type: ignore[attr-defined]
        if name == "database":
            module.ThreadPoolExecutor = Pool  # type: ignore[attr-defined]
        else:
            original = module.Database.poll

            def poll(this: object) -> None:
                sys.modules["pymysql"] = fake  # type: ignore[assignment]
                try:
                    original(this)
                finally:
                    sys.modules["pymysql"] = pymysql

            module.Database.poll = poll
        return module

    def state(self, host: Host) -> str | None:
        agent = self.agents.get(host.number)
        if agent is None or not host.tasks:
            return None
        return json.dumps({**agent.state, "database": agent.database.verdict()})  # type: ignore[attr-defined]

    def pointer(self, epoch: int, nonce: str, primary: str, previous: Pointed | None, force: bool) -> str:
        return json.dumps({"epoch": epoch, "primary": primary, **({"force": True} if force else {})})

    def fence(self, host: Host) -> str | None:
        return host.disk.get("/var/lib/webinfra/fenced")

    def check(self, host: Host) -> None:
        pass
