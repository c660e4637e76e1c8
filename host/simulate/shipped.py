"""The shipped programs in the world's place: what they are given instead of MySQL, files, a clock, commands and a network."""

import json
from collections.abc import Callable, Mapping

from webinfra import places
from webinfra.agent import Agent
from webinfra.agent import Settings as AgentSettings
from webinfra.consumers import HostsFile
from webinfra.database.act import Hands
from webinfra.database.mysql import Kept
from webinfra.database.observe import LOOK_SECONDS, Eyes, Settings, Watch
from webinfra.database.program import Agents, Listeners, Program, Turns
from webinfra.database_watch import DatabaseWatch
from webinfra.loop import Loop
from webinfra.outside import Answer, Failed, Request
from webinfra.protocol import parse_primary_pointer
from webinfra.replication import Look
from webinfra.sync import Settings as SyncSettings
from webinfra.sync import Sync

from .kernel import Broken
from .mysql import Connection
from .world import Host, Pointed, World

PORT = 9000


class MemoryFiles:
    """A host's files; those below /run are gone when it boots."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _store(self, path: str) -> dict[str, str]:
        return self._host.run if path.startswith("/run/") else self._host.disk

    def read(self, path: str) -> str | None:
        return self._store(path).get(path)

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:  # noqa: ARG002
        del durable
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


class HostLog:
    def __init__(self, host: Host) -> None:
        self._host = host

    def say(self, words: str) -> None:
        self._host.world.say(f"{self._host.name}: {words}")

    complain = say


def ended(problem: BaseException | None) -> None:
    raise Broken(f"a program ends: {problem!r}")


class Channel:
    """The channel as the host sees it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def mark(self) -> str:
        if not self._host.reads_channel():
            raise Failed("the channel is away")
        return str(self._host.world.changes)

    def fetch(self) -> Mapping[str, str | None]:
        self.mark()
        return dict(self._host.world.channel)


class Others:
    """What a host asks others over HTTP."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def ask(self, request: Request, *, seconds: float) -> Answer:
        number = int(request.url.split(":")[1].rsplit(".", 1)[-1])
        text = self._host.world.ask(self._host.number, f"db-{number}", seconds)
        if text is None:
            raise Failed(f"{request.url}: no answer")
        return Answer(200, {}, text)


class Poll:
    """What the agent asks MySQL."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def look(self) -> Look:
        row = Connection(self._host.server, self._host.number, 1, 1).rows("select @@global.read_only ro, @@global.super_read_only sro, x")[0]
        return Look(
            read_only=row["ro"] == 1,
            super_read_only=row["sro"] == 1,
            executed=str(row["executed"]),
            received=str(row["received"]),
            receiving=row["io"] == "ON",
            applying=row["applier"] == "ON",
        )


class Body:
    def __init__(self, host: Host, log: HostLog) -> None:
        self._host, self.say = host, log.say

    def kill_mysql(self) -> None:
        self._host.server.kill()


class Shipped:
    """Starts the programs of a database host as systemd does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._agents: dict[int, Agent] = {}

    def start(self, host: Host) -> None:
        assert not host.tasks, f"{host.name} has its programs already"
        kernel = self.world.kernel
        files, clock, log, web = MemoryFiles(host), HostClock(host), HostLog(host), Others(host)
        for name in ("app-password", "replication-password"):
            host.disk.setdefault(f"{places.SECRETS}/{name}", "x")
        host.disk.setdefault("/etc/hosts", "127.0.0.1 localhost\n")

        def connect(seconds: float) -> Connection:
            return Connection(host.server, host.number, seconds, 2)

        settings = Settings(host.name, "z.internal", "site", self.world.require)

        def beside(work: Callable[[], None]) -> None:
            host.tasks.append(kernel.spawn(host, work, ended))

        peers = Listeners(Watch(Agents(web, PORT).ask, clock), clock, beside)
        hands = Hands(settings, connect, files, clock, Body(host, log))
        turns = Turns(Program(Eyes(settings, Kept(connect, LOOK_SECONDS), peers, files, clock), hands), peers, log)

        sync = Sync(SyncSettings(None, 1.0, 30.0, {}, ()), files, clock, Channel(host), Quiet(), [HostsFile("z.internal", files, Quiet())])
        watch = DatabaseWatch(host.name, 5.0, PORT, files, clock, Poll(host), web)
        agent = Agent(AgentSettings(host.name, ("database",), PORT, "x", (), 5.0), files, web, watch)
        self._agents[host.number] = agent

        def polled() -> float:
            watch.poll_mysql()
            agent.poll()
            return 0.5

        def asks() -> float:
            watch.ask_primary()
            return 0.5

        loops = [
            Loop(clock, log, turns.turn, after_failure=0.5),
            Loop(clock, log, sync.turn, after_failure=1.0),
            Loop(clock, Quiet(), polled, after_failure=0.5),
            Loop(clock, Quiet(), asks, after_failure=0.5),
        ]
        host.tasks = [kernel.spawn(host, loop.forever, ended) for loop in loops]

    def state(self, host: Host) -> str | None:
        agent = self._agents.get(host.number)
        return None if agent is None or not host.tasks else agent.answer("/state")[1]

    def pointer(self, pointed: Pointed, previous: Pointed | None) -> str:
        before = None if previous is None else {"epoch": previous.epoch, "nonce": previous.nonce, "primary": previous.primary}
        said = {"version": 2, "epoch": pointed.epoch, "nonce": pointed.nonce, "primary": pointed.primary, "previous": before, "force": pointed.force}
        return json.dumps(said)

    def fence(self, host: Host) -> str | None:
        fence = _memory(host).get("fence")
        return json.dumps(fence) if fence else None

    def opened_by(self, host: Host) -> object:
        return _memory(host).get("opened")

    def check(self, host: Host) -> None:
        """It opens by the newest pointer that it knows."""
        memory = _memory(host)
        promises, opened = memory.get("promises"), memory.get("opened")
        copy = parse_primary_pointer(host.disk[places.PRIMARY_POINTER])
        if not isinstance(promises, list) or promises[0] != opened:
            raise Broken(f"{host.name} opens by {opened} and has promised {promises}")
        if copy.epoch.number > promises[0][0]:
            raise Broken(f"{host.name} opens by {promises[0]} and its copy of the channel has {copy.epoch}")

    def superseded(self, host: Host) -> bool:
        copy, opened = parse_primary_pointer(host.disk[places.PRIMARY_POINTER]), _memory(host).get("opened")
        return isinstance(opened, list) and copy.epoch.number > opened[0] and copy.primary != host.name


class Quiet:
    def say(self, words: str) -> None: ...

    complain = say


def _memory(host: Host) -> dict[str, object]:
    kept: dict[str, object] = json.loads(host.disk.get(places.MEMORY, "{}"))
    return kept
