"""The database program: observe, decide, act, again and again."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from webinfra import places
from webinfra.clock import BootClock, Clock
from webinfra.files import Disk, Files
from webinfra.log import Complaints, Journal, Log
from webinfra.loop import Loop, in_background
from webinfra.outside import Commands, Failed, Internet, Request, Shell, Web
from webinfra.protocol import Entry
from webinfra.settings import Fields

from . import source_replica
from .act import Hands, Wait
from .model import Answers, Decision, Memory, Open, Picture, Server
from .mysql import Kept, Local
from .observe import LOOK_SECONDS, Eyes, Heard, Settings, Watch, observe, remembered

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
        # What is to be on the disk counts when it is there, and no sooner: an action may fail.
        memory = decision.memory
        self._memory = replace(memory, promise=before.promise, promises=before.promises, opened=before.opened, fence=before.fence)
        for action in decision.actions:
            memory = self._hands.do(action, memory, picture.asked)
        self._memory = memory
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


class Pace(Protocol):
    """How long whoever asks the peers rests between two questions."""

    period: float


class Listeners:
    """Asks each peer apart from the others."""

    def __init__(self, watch: Watch, clock: Clock, start: Callable[[Callable[[], None]], None]) -> None:
        """`start`: runs something that never ends beside everything else."""
        self._watch, self._clock, self._start = watch, clock, start
        self._addresses: dict[str, str] = {}
        self.period = HURRY

    def heard(self, entries: tuple[Entry, ...]) -> Mapping[str, Heard]:
        for entry in entries:
            new = entry.name not in self._addresses
            self._addresses[entry.name] = entry.address
            if new:
                self._start(partial(self._listen, entry.name))
        return dict(self._watch.heard)

    def _listen(self, name: str) -> None:
        while True:
            self._watch.turn(name, self._addresses[name])
            self._clock.sleep(self.period)


class Agents:
    """Asks the agents of other hosts."""

    def __init__(self, web: Web, port: int) -> None:
        self._web, self._port = web, port

    def ask(self, address: str, seconds: float) -> str | None:
        try:
            return self._web.ask(Request(f"http://{address}:{self._port}/state"), seconds=seconds).body
        except Failed:
            return None


class SystemHost:
    def __init__(self, commands: Commands, log: Log) -> None:
        self._commands, self._log = commands, log

    def kill_mysql(self) -> None:
        self._commands.run(("systemctl", "kill", "--signal", "KILL", "mysql.service"), seconds=30)

    def say(self, words: str) -> None:
        self._log.say(words)


class Turns:
    """Turns that may fail, and what is said of them: once, until it is another thing."""

    def __init__(self, program: Program, peers: Pace, log: Log) -> None:
        self._program, self._peers = program, peers
        self._complaints = Complaints(log)

    def turn(self) -> float:
        """The seconds to rest."""
        try:
            decision = self._program.turn()
            words, pause = decision.waiting, HURRY if decision.hurry else PERIOD
        except Failed as failure:
            words, pause = str(failure), HURRY if isinstance(failure, Wait) else PERIOD
        self._complaints.about(words or "")
        self._peers.period = pause
        return pause


def load(files: Files) -> tuple[Settings, int]:
    fields = Fields.load(files, "database")
    return Settings(
        fields.text("name"), fields.text("zone"), fields.text("database"), fields.has("needsReplica") and fields.flag("needsReplica")
    ), fields.whole("agentPort")


def main() -> None:
    files, clock, log = Disk(), BootClock(), Journal()
    settings, port = load(files)
    peers = Listeners(Watch(Agents(Internet(), port).ask, clock), clock, in_background)
    hands = Hands(settings, Local, files, clock, SystemHost(Shell(os.environ), log))
    turns = Turns(Program(Eyes(settings, Kept(Local, LOOK_SECONDS), peers, files, clock), hands), peers, log)
    Loop(clock, log, turns.turn, after_failure=PERIOD).forever()
