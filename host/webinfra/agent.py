"""Answers for this host: /state (is it healthy, and why not), and on a database host /primary, /replica and /stale.

Pollers keep what they saw last, so that questions cost nothing and an answer comes even while MySQL hangs. MySQL has one of its own, and so has the
primary's agent: a slow application beside them must not make their answers old.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from webinfra import places
from webinfra.answering import AnswerServer, inherited, listen
from webinfra.clock import BootClock, Clock
from webinfra.database_watch import DatabaseWatch
from webinfra.files import Disk, Files
from webinfra.log import Journal
from webinfra.loop import Loop, in_background
from webinfra.outside import Failed, Internet, Request, Web
from webinfra.protocol import (
    CONVERGE,
    ApplicationState,
    PackageState,
    Refused,
    RefusedDocument,
    SettingsState,
    State,
    parse_refused,
    parse_refused_package,
    parse_settings_state,
    write_state,
)
from webinfra.replication import LocalMySQL
from webinfra.settings import Fields, domain, machine_id, read_object
from webinfra.tried import environment_digest, last_tried

# Seconds between two looks, and the least rest after one that took long.
PERIOD: Final = 0.5
REST: Final = 0.05


@dataclass(frozen=True)
class Check:
    """A local address whose answer 200 belongs to the host's health."""

    name: str
    port: int
    path: str


@dataclass(frozen=True)
class Settings:
    name: str
    roles: tuple[str, ...]
    port: int
    # Where the host's settings say none: it was made before there were any.
    domain: str
    checks: tuple[Check, ...]
    # None: no database host, or one that is told by its settings.
    most_lag: float | None
    # The host takes settings from the channel.
    takes_settings: bool = False

    @staticmethod
    def load(files: Files) -> "Settings":
        fields = Fields.load(files, "agent")
        return Settings(
            name=fields.text("name"),
            roles=fields.texts("roles"),
            port=fields.whole("port"),
            domain=fields.optional("domain"),
            checks=tuple(Check(one.text("name"), one.whole("port"), one.text("path")) for one in fields.each("checks")),
            most_lag=fields.number("maxLagSeconds") if fields.has("maxLagSeconds") else None,
            takes_settings=files.read(f"{places.SETTINGS}/settings.json") is not None,
        )


def _set_up_problems(converge: str, step: str) -> list[str]:
    """Why the host is not set up yet; `step` says what it does, such as "installing packages"."""
    if converge == "done":
        return []
    if converge == "failed":
        return [f"could not be set up: failed while {step}"]
    return [f"still being set up: {step}" if step else "not set up yet"]


class Agent:
    def __init__(self, settings: Settings, files: Files, web: Web, database: DatabaseWatch | None, running: str | None = None) -> None:
        """`running`: the host package that this program runs from."""
        self._running = running
        self._settings = settings
        self._files = files
        self._web = web
        self._database = database
        self._state = State(machine="", name=settings.name, database=None, roles=settings.roles)

    def poll(self) -> None:
        """Looks at all but the database, which has pollers of its own."""
        converge, step = self._converge()
        problems = _set_up_problems(converge, step)
        problems += [f"{check.name} does not answer" for check in self._settings.checks if not self._answers(check)]
        release = None
        if {"appServer", "webServer"} & set(self._settings.roles):
            status = read_object(self._files, places.RELEASE_STATUS)
            release = _text(status.get("running"))
            failure = _text(status.get("error"))
            if failure or not release:
                problems.append(f"release: {failure or 'none runs yet'}")
        if self._database is not None:
            said = self._database.state()
            if not (said.writable or said.replica):
                problems.append(f"MySQL is {said.role}: {said.fenced or said.error or 'not serving yet'}")
        # Before the application: whoever sees settings in force must not be told what came of those before.
        settings = self._live_settings()
        self._state = State(
            machine=machine_id(self._files),
            name=self._settings.name,
            database=None,
            roles=self._settings.roles,
            converge=converge if converge in CONVERGE else "running",
            step=step,
            healthy=not problems,
            error="; ".join(problems) or None,
            release=release,
            application=self._application(),
            refused=self._refused(),
            package=self._package(),
            settings=settings,
            definition=(self._files.read(places.DEFINITION) or "").strip() or None,
        )

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text for a question."""
        if path not in ("/state", "/primary", "/replica", "/stale"):
            return 404, "{}"
        database = None if self._database is None else self._database.state()
        if path == "/state":
            return 200, write_state(replace(self._state, database=database))
        serves = self._database is not None and database is not None and self._database.serves(path[1:], database)
        # Every proxy asks this several times a second, and looks at the status alone.
        return 200 if serves else 503, "{}"

    def _converge(self) -> tuple[str, str]:
        converge, step, *_ = [*(self._files.read(places.CONVERGE) or "").splitlines(), "", ""]
        return converge, step

    def _answers(self, check: Check) -> bool:
        try:
            answer = self._web.ask(
                Request(f"http://127.0.0.1:{check.port}{check.path}", headers={"Host": domain(self._files, self._settings.domain)}), seconds=2
            )
        except Failed:
            return False
        return answer.status == 200

    def _refused(self) -> tuple[RefusedDocument, ...]:
        with contextlib.suppress(Refused, ValueError, RecursionError):
            return parse_refused(json.loads(self._files.read(places.REFUSED) or "[]"))
        return ()

    def _application(self) -> ApplicationState | None:
        tried = last_tried(self._files)
        # With other variables it is about to be started anew.
        if tried is None or tried.environment != environment_digest(self._files.read(places.ENVIRONMENT) or ""):
            return None
        return ApplicationState(tried.release, tried.reason, tried.final)

    def _live_settings(self) -> SettingsState | None:
        if not self._settings.takes_settings:
            return None
        with contextlib.suppress(Refused, ValueError, RecursionError):
            return parse_settings_state(json.loads(self._files.read(places.SETTINGS_STATUS) or '{"applied": ""}'))
        return SettingsState("")

    def _package(self) -> PackageState:
        kept = read_object(self._files, places.PACKAGE)
        refused = None
        with contextlib.suppress(Refused):
            refused = None if kept.get("refused") is None else parse_refused_package(kept["refused"])
        waiting = (self._files.read(places.PACKAGE_WAITING) or "").strip()
        return PackageState(running=self._running, good=_text(kept.get("good")) or None, refused=refused, waiting=waiting or None)


def running_package(module: Path) -> str | None:
    """The host package that a program runs from, by the path of one of its modules; None elsewhere than on a host."""
    folder = module.resolve().parents[1]
    return folder.name if folder.parent.name == "packages" else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def paced(clock: Clock, look: Callable[[], None]) -> Callable[[], float]:
    """A turn of a loop that begins each PERIOD, however long the look takes."""

    def turn() -> float:
        started = clock.now()
        look()
        return max(REST, PERIOD - (clock.now() - started))

    return turn


def main() -> None:
    files, clock, log, web = Disk(), BootClock(), Journal(), Internet()
    settings = Settings.load(files)
    looks: list[Callable[[], None]] = []
    watch: DatabaseWatch | None = None
    if "database" in settings.roles:
        watch = DatabaseWatch(settings.name, settings.most_lag, settings.port, files, clock, LocalMySQL(), web)
        looks += [watch.poll_mysql, watch.ask_primary]
    agent = Agent(settings, files, web, watch, running_package(Path(__file__)))
    looks.append(agent.poll)
    # Whoever asks before the first look waits, and gets no answer that is wrong: a restart must take no database from those who use it.
    if watch is not None:
        watch.begin()
    agent.poll()
    for look in looks:
        in_background(Loop(clock, log, paced(clock, look), after_failure=PERIOD).forever)
    listening = inherited(os.environ, os.getpid()) or listen(("0.0.0.0", settings.port))  # noqa: S104
    AnswerServer(listening, clock, agent.answer).forever()
