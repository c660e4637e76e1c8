"""The database program: observe, decide, act, again and again."""

import http.client
import json
import subprocess
import threading
from collections.abc import Mapping

from webinfra import places
from webinfra.clock import BootClock, Clock
from webinfra.files import Disk, Files
from webinfra.protocol import Entry

from . import source_replica
from .act import Hands, Wait
from .clone import CloneFailed
from .model import Answers, Decision, Memory, Open, Picture, Server
from .mysql import local
from .observe import Eyes, Heard, Settings, Watch, is_mysql_error, observe, remembered

# Seconds between two looks, at rest and while something is on its way.
PERIOD, HURRY = 0.5, 0.1


class Program:
    """Keeps one server in its role."""

    def __init__(self, eyes: Eyes, hands: Hands) -> None:
        self._eyes, self._hands = eyes, hands
        self._memory = remembered(eyes.files)
        self._server: Server | None = None
        self._looked = 0.0

    def turn(self) -> Decision:
        """One look, and what follows from it. The words of the decision are what people are told."""
        picture = observe(self._eyes)
        before = self._memory
        decision = source_replica.decide(picture, before)
        self._publish(picture, before, decision)
        self._memory = decision.memory
        for action in decision.actions:
            self._memory = self._hands.do(action, self._memory, picture.asked)
        return decision

    def _publish(self, picture: Picture, memory: Memory, decision: Decision) -> None:
        """For the peers: what this look found, and the promise that was in force when it was made."""
        if picture.server is not None:
            self._server, self._looked = picture.server, picture.asked
        server = self._server
        if server is None:
            return
        opens = any(isinstance(action, Open) for action in decision.actions)
        fence = decision.memory.fence
        self._eyes.files.write(
            places.MEMBER,
            json.dumps(
                {
                    "at": self._looked,
                    "uuid": server.uuid,
                    "epoch": memory.promise.number or None,
                    "nonce": memory.promise.nonce or None,
                    "holds": "no" if server.new else "yes",
                    "closed": server.closed and not opens and picture.answers is Answers.YES,
                    "down": picture.answers is Answers.REFUSES,
                    "opened": memory.opened.number if memory.opened else None,
                    "openedNonce": memory.opened.nonce if memory.opened else None,
                    "executed": str(server.executed),
                    "received": str(server.received),
                    "wants": decision.wants,
                    "waiting": decision.waiting,
                    "alone": fence.alone if fence else None,
                    "conflict": decision.conflict,
                    "fenced": fence.words if fence else None,
                }
            ),
        )


class Threads:
    """Asks each peer in a thread of its own."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        self._watch, self._clock = watch, clock
        self._addresses: dict[str, str] = {}
        self.period = HURRY

    def heard(self, entries: tuple[Entry, ...]) -> Mapping[str, Heard]:
        for entry in entries:
            if entry.name not in self._addresses:
                threading.Thread(target=self._run, args=(entry.name,), daemon=True).start()
            self._addresses[entry.name] = entry.address
        return dict(self._watch.heard)

    def _run(self, name: str) -> None:
        while True:
            self._watch.turn(name, self._addresses[name])
            self._clock.sleep(self.period)


def ask(address: str, seconds: float) -> str | None:
    connection = http.client.HTTPConnection(address, 9000, timeout=seconds)
    try:
        connection.request("GET", "/state")
        return connection.getresponse().read().decode()
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class SystemHost:
    def kill_mysql(self) -> None:
        subprocess.run(["systemctl", "kill", "--signal", "KILL", "mysql.service"], check=False)

    def say(self, words: str) -> None:
        print(words, flush=True)


def step(program: Program, said: str | None, host: SystemHost) -> tuple[float, str | None]:
    """A turn that may fail; how long to wait afterwards, and what was said last."""
    try:
        decision = program.turn()
        words, pause = decision.waiting, HURRY if decision.hurry else PERIOD
    except (Wait, CloneFailed) as error:
        words, pause = str(error), HURRY
    except Exception as error:
        # Of MySQL only the number and its words, never a statement: statements hold passwords.
        if not (is_mysql_error(error) or isinstance(error, OSError)):
            raise
        words, pause = str(error), HURRY
    if words != said and words is not None:
        host.say(words)
    return pause, words


def load(files: Files) -> Settings:
    settings = json.loads(files.read("/etc/webinfra/database.json") or "{}")
    return Settings(settings["name"], settings["zone"], settings["database"], settings["needsReplica"])


def main() -> None:
    files, clock, host = Disk(), BootClock(), SystemHost()
    settings = load(files)
    threads = Threads(Watch(ask, clock), clock)
    program = Program(Eyes(settings, local, threads, files, clock), Hands(settings, local, files, clock, host))
    said: str | None = None
    while True:
        pause, said = step(program, said, host)
        threads.period = pause
        clock.sleep(pause)

