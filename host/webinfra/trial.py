"""One start of the application, looked at until it is healthy: what systemd, the kernel and its health path say of it, and in words what is wrong."""

import re
import signal
from dataclasses import dataclass
from typing import Final

from webinfra.clock import Clock
from webinfra.files import Files
from webinfra.outside import Answer, Commands, Failed, Network, Request, Web
from webinfra.redaction import secrets, without

# Seconds that a busy application may take to answer.
ANSWER: Final = 10
# Of an answer that is not good, characters that are shown.
_SHOWN: Final = 200
_PROPERTIES: Final = (
    "ActiveState",
    "Result",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainStartTimestampMonotonic",
    "ExecMainExitTimestampMonotonic",
)
# How a process ended, as waitid(2) numbers it.
_EXITED: Final = 1
# Exit codes by which shells and env(1) say that they found no command, or none that they may run.
_NO_COMMAND: Final = {126: "a command that may not be executed", 127: "a command that does not exist"}
# What systemd writes before it ends in the program's stead.
_STEP: Final = re.compile(r"Failed at step (\w+) spawning (.+): (.+)")
_ESCAPES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_MARKUP: Final = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Application:
    """How one of the two that take turns is started, and asked whether it is healthy."""

    unit: str
    # `app.start`; empty on hosts that were made before they were told.
    start: str
    port: int
    health_path: str
    domain: str


@dataclass(frozen=True)
class World:
    """What a look needs."""

    files: Files
    clock: Clock
    commands: Commands
    web: Web
    network: Network


@dataclass(frozen=True)
class Trouble:
    """Why it is not healthy."""

    # As in `Tried`.
    cause: str
    # What is wrong, in words for users.
    words: str


@dataclass(frozen=True)
class End:
    """How a process of it ended."""

    code: int
    status: int
    seconds: float
    # The kernel killed it for want of memory.
    memory: bool


@dataclass(frozen=True)
class Process:
    """Its process as systemd tells it. `failed`: systemd starts no other."""

    failed: bool
    restarts: int
    # None while it runs.
    end: End | None


def cleaned(text: str, most: int) -> str:
    """The beginning of a text in one line, without what moves a terminal's cursor, and without the tags of a page."""
    text = _ESCAPES.sub("", text)
    if text.lstrip().startswith("<"):
        text = _MARKUP.sub(" ", text)
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if len(words) <= most else f"{words[:most]}…"


class Trial:
    def __init__(self, application: Application, world: World) -> None:
        """To be made when it was just started."""
        self._application = application
        self._world = world
        self._began = world.clock.now()
        self._first = self._process().restarts
        self._end: End | None = None
        self._ends = 0
        # Since when it is healthy without a break.
        self._healthy: float | None = None
        self.failed = False
        # How often systemd has started it anew.
        self.restarts = 0

    def look(self) -> Trouble | None:
        """None: it is healthy."""
        asked = self._world.clock.now()
        answer, problem = self._ask()
        waited = self._world.clock.now() - asked
        process = self._process()
        started_anew = process.restarts - self._first > self.restarts
        self.failed, self.restarts = process.failed, process.restarts - self._first
        healthy = answer is not None and answer.status == 200 and process.end is None
        if not healthy or started_anew:
            self._healthy = None
        if healthy:
            self._healthy = self._world.clock.now() if self._healthy is None else self._healthy
            return None
        if process.end is not None:
            self._end, self._ends = process.end, self.restarts + 1
            return self._ended(process.end)
        path = f"GET {self._application.health_path}"
        if answer is not None:
            return Trouble(
                "health",
                f"{path} answers {answer.status} and not 200{self._body(answer)} ({self._key('app.healthPath', self._application.health_path)})",
            )
        if self._world.network.reaches("127.0.0.1", self._application.port, seconds=2):
            why = f"is not answered within {ANSWER} s" if waited >= ANSWER else f"is not answered ({problem})"
            return Trouble("health", f"{path} {why} ({self._key('app.healthPath', self._application.health_path)})")
        # One that ends again and again is up for a while each time.
        return self._silent() if self._end is None else self._ended(self._end)

    def steady(self) -> float:
        """For how long it has been healthy without a break."""
        return 0.0 if self._healthy is None else self._world.clock.now() - self._healthy

    def seconds(self) -> float:
        """How long it has been tried."""
        return self._world.clock.now() - self._began

    def _ask(self) -> tuple[Answer | None, str]:
        """The answer of its health path, or why there is none."""
        url = f"http://127.0.0.1:{self._application.port}{self._application.health_path}"
        try:
            return self._world.web.ask(Request(url, headers={"Host": self._application.domain}), seconds=ANSWER), ""
        except Failed as failure:
            return None, str(failure).removeprefix(f"{url}: ")

    def _body(self, answer: Answer) -> str:
        # The secrets first: half of one that is cut off is none that is found.
        words = cleaned(without(answer.body, secrets(self._world.files)), _SHOWN)
        return f': "{words}"' if words else ""

    def _process(self) -> Process:
        said = self._world.commands.run(("systemctl", "show", "--property", ",".join(_PROPERTIES), self._application.unit), seconds=120)
        values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)

        def number(name: str) -> int:
            text = values.get(name, "")
            return int(text) if text.isdigit() else 0

        end: End | None = None
        if values.get("ActiveState") != "active" and number("ExecMainCode") > 0:
            took = number("ExecMainExitTimestampMonotonic") - number("ExecMainStartTimestampMonotonic")
            end = End(number("ExecMainCode"), number("ExecMainStatus"), max(0, took) / 1e6, values.get("Result") == "oom-kill")
        return Process(values.get("ActiveState") == "failed", number("NRestarts"), end)

    def _ended(self, end: End) -> Trouble:
        if end.code == _EXITED and end.status in _NO_COMMAND:
            return Trouble(
                "start", f"the application's start command cannot be run: exit code {end.status}, {_NO_COMMAND[end.status]} ({self._start()})"
            )
        step = _STEP.search(self._said_by_systemd()) if end.code == _EXITED and end.status >= 200 else None
        if step is not None and step[1] == "EXEC":
            what = f"{step[2]}: {step[3][:1].lower()}{step[3][1:]}"
            if "No such file" in step[3] and self._is_there(step[2]):
                what = f"{step[2]} is there, but not the interpreter that it names"
            return Trouble("start", f"the application's start command cannot be run: {what} (exit status {end.status}/EXEC, {self._start()})")
        if step is not None:
            return Trouble("end", f"the application's process cannot be set up: step {step[1]}: {step[3]} (exit status {end.status})")
        often = f", {self._ends} times in a row" if self._ends > 1 else ""
        return Trouble("end", f"the application {_how(end)}{often} ({self._start()})")

    def _silent(self) -> Trouble:
        port = self._application.port
        found = self._listens()
        instead = f", but on {found}" if found else ""
        return Trouble(
            "silence",
            f"the application runs, but nothing listens on port {port} (PORT) after {int(self.seconds())} s{instead} ({self._start()})",
        )

    def _listens(self) -> str:
        """The addresses that it listens on, where the kernel says whose they are."""
        try:
            said = self._world.commands.run(("ss", "--no-header", "--listening", "--tcp", "--numeric", "--cgroup"), seconds=10)
        except Failed:
            return ""
        lines = (line.split() for line in said.splitlines() if line.rstrip().endswith(f"/{self._application.unit}.service"))
        return ", ".join(sorted({fields[3] for fields in lines if len(fields) > 3}))

    def _said_by_systemd(self) -> str:
        """What it wrote in the program's stead, the last first."""
        unit = f"_SYSTEMD_UNIT={self._application.unit}.service"
        return self._world.commands.run(
            ("journalctl", "--quiet", "--no-pager", "--output=cat", "--reverse", "--lines=5", unit, "_TRANSPORT=journal"), seconds=30
        )

    def _is_there(self, path: str) -> bool:
        try:
            self._world.commands.run(("test", "-e", path), seconds=10)
        except Failed:
            return False
        return True

    def _start(self) -> str:
        return self._key("app.start", self._application.start)

    @staticmethod
    def _key(name: str, value: str) -> str:
        """What to look at."""
        return f'{name} is "{value}"' if value else f"look at {name}"


def _how(end: End) -> str:
    after = f"after {int(end.seconds)} s"
    if end.memory:
        return f"was killed {after}: it has no more memory"
    if end.code == _EXITED:
        return f"ended {after} with exit code {end.status}{'' if end.status else ', and has to go on running'}"
    try:
        name = f" ({signal.Signals(end.status).name})"
    except ValueError:
        name = ""
    return f"was ended {after} by signal {end.status}{name}"
