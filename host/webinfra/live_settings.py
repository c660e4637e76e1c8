"""Applies the settings that the channel has for this host, in place: what may change while the host lives.

Ends when that is done, when they were refused, or with words when it may be otherwise at the next try: systemd starts it again, and sync when they
change. What is refused changes nothing: MySQL takes all of it or nothing, and the application goes on with the environment that it had.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from webinfra import places, proxies
from webinfra.channel import Bucket, Directory, Shelf
from webinfra.clock import BootClock, Clock
from webinfra.database import variables
from webinfra.database.mysql import Connect, Local
from webinfra.files import Disk, Files
from webinfra.log import Journal, Log
from webinfra.outside import Commands, Failed, Shell
from webinfra.protocol import DatabaseSettings, HostSettings, Refused, RefusedSettings, SettingsState, parse_environment, parse_host_settings
from webinfra.settings import Fields, live, read_object

MYSQL: Final = "/etc/mysql/mysql.conf.d"
# Read after what came with the host, and before its address.
VARIABLES: Final = f"{MYSQL}/zzy-webinfra-settings.cnf"
# MySQL may read no other folder where AppArmor keeps it.
_CANDIDATE: Final = "/etc/mysql/webinfra-candidate.cnf"
_INSTALL: Final = "/usr/local/lib/webinfra/install-packages"
_RELEASE_UNIT: Final = "webinfra-release.service"
# When MySQL has to be started again for a variable: `{name: seconds since the boot}`. Gone after a boot, which starts it.
_LATE: Final = f"{places.RUN}/variables-late.json"
# Variables that MySQL may have otherwise than the settings in force say, while others are tried: `{"names": [...]}`.
_TRIED: Final = "/var/lib/webinfra/variables-tried.json"
# What is said of a command that ended by itself, and not well.
_ENDED: Final = re.compile(r" failed \(\d+\)")
# Seconds that a statement may take.
_STATEMENT: Final = 10.0
# Seconds that sync may take to give the proxies another name.
_NAMED: Final = 30.0


@dataclass(frozen=True)
class Settings:
    host: str
    # None: the channel is a bucket.
    directory: str | None
    # Configurations of the proxies here.
    proxies: tuple[str, ...]

    @staticmethod
    def load(files: Files) -> "Settings":
        fields = Fields.load(files, "settings")
        consumers = Fields.load(files, "sync").each("consumers")
        return Settings(
            host=fields.text("name"),
            directory=fields.text("directory") if fields.has("directory") else None,
            proxies=tuple(one.text("config") for one in consumers if one.text("kind") == "proxy"),
        )


@dataclass(frozen=True)
class World:
    """What applying needs to know of, and to do."""

    files: Files
    clock: Clock
    commands: Commands
    connect: Connect
    log: Log


def key(host: str) -> str:
    """Of a host's settings in the channel."""
    return f"settings/{host}.json"


def environment_text(values: Mapping[str, str]) -> str:
    """A file of variables as systemd reads it, with C-like escapes inside double quotes."""
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    return "".join(f'{name}="{value}"\n' for name, value in escaped.items())


class Apply:
    """One run of the program."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._host = settings.host
        self._proxies = settings.proxies
        self._files = world.files
        self._clock = world.clock
        self._commands = world.commands
        self._connect = world.connect
        self._log = world.log
        # Nothing runs yet: it gets what is written here when it starts, and MySQL's start validates it.
        self._begins = False

    def begin(self, channel: Shelf) -> None:
        """Before anything else of the host is there: gets the first settings. Failed when there are none that can be used."""
        if live(self._files) is not None:
            return
        # Also where there are some already, which were refused: nothing else looks for better ones yet.
        text = self._there(channel.one(key(self._host)))
        self._files.write(self._copy, text)
        self._begins = True
        self.run()
        if live(self._files) is None:
            raise Failed("there are no settings that this host can use")

    def run(self) -> None:
        """Applies what is wanted, or says why it is refused. Failed when it is to be tried again."""
        text = self._there(self._files.read(self._copy))
        late: tuple[str, ...] = ()
        try:
            wanted = self._parsed(text)
            environment = self._environment(wanted)
            late = self._database(wanted.database)
            if self._files.read(places.APPLIED) != text:
                self._files.write(places.APPLIED, text, durable=True)
            self._files.remove(_TRIED)
            self._name(wanted.domain)
            if environment is not None:
                self._application(environment)
        except Failed as failure:
            self._report(SettingsState(self._before(), waiting=str(failure), pending=_words(late)))
            raise
        except (Refused, variables.Unfit) as refused:
            self._log.complain(f"the settings {_digest(text)[:12]} are refused: {refused}")
            self._report(SettingsState(self._before(), refused=RefusedSettings(_digest(text), str(refused)), pending=_words(late)))
        else:
            self._report(SettingsState(_digest(text), pending=_words(late)))

    @property
    def _copy(self) -> str:
        """Where the host keeps what the channel has."""
        return f"{places.CHANNEL}/{key(self._host)}"

    def _there(self, text: str | None) -> str:
        if text is None:
            raise Failed(f"the channel has no {key(self._host)} yet")
        return text

    def _parsed(self, text: str) -> HostSettings:
        wanted = parse_host_settings(text)
        if wanted.host != self._host:
            raise Refused(f"they are those of {wanted.host}")
        return wanted

    def _before(self) -> str:
        """The settings that were wholly in force when the host last said so."""
        said = read_object(self._files, places.SETTINGS_STATUS).get("applied")
        return said if isinstance(said, str) else ""

    def _report(self, state: SettingsState) -> None:
        self._files.write(places.SETTINGS_STATUS, json.dumps(asdict(state)) + "\n")

    # What is secret

    def _environment(self, wanted: HostSettings) -> Mapping[str, str] | None:
        """The application's variables, secret ones among them; None: it runs none."""
        if wanted.environment is None:
            return None
        if wanted.sealed is None:
            return wanted.environment
        if self._files.read(places.SEALING_KEY) is None:
            raise Refused("they are sealed to a key that this host does not hold")
        if self._begins:
            # The host's packages come later.
            self._commands.run((_INSTALL, "age"), seconds=850)
        opened = self._commands.run(("age", "--decrypt", "--identity", places.SEALING_KEY), seconds=30, given=wanted.sealed)
        try:
            return {**wanted.environment, **parse_environment(json.loads(opened))}
        except ValueError as error:
            # Not what it says: that may be a part of a secret.
            raise Refused("what is sealed in them is not JSON") from error

    # The site's name

    def _name(self, domain: str) -> None:
        """Waits until the proxies here have it, which sync sees to. Nothing waits for sync while the host begins."""
        if self._begins:
            return
        ends = self._clock.now() + _NAMED
        while unnamed := [path for path in self._proxies if self._lacks(path, domain)]:
            if self._clock.now() >= ends:
                raise Failed(f"{unnamed[0]} does not have the site's name {domain} yet")
            self._clock.sleep(0.2)

    def _lacks(self, path: str, domain: str) -> bool:
        config = self._files.read(path)
        return config is not None and proxies.name(config, domain) != config

    # MySQL

    def _database(self, wanted: DatabaseSettings | None) -> tuple[str, ...]:
        """Brings MySQL to its variables. Returns those that it reads at its start only, and has not read yet."""
        if wanted is None:
            return ()
        before = live(self._files)
        known = {} if before is None or before.database is None else before.database.variables
        text = variables.configuration(wanted.variables)
        old = self._files.read(VARIABLES)
        if self._begins:
            self._keep(text)
            return ()
        if text != old:
            self._validate(text)
        changes = variables.changes(known, wanted.variables, self._tried())
        self._try({change.name for change in changes})
        running = self._unit_state("mysql.service")
        if running != "active":
            # Before it is waited for: the one that it has may be what keeps it from starting.
            self._keep(text)
            if running in ("activating", "reloading", "deactivating"):
                raise Failed(f"MySQL is {running}")
            return ()
        try:
            late = self._set(changes, started_with=text == old)
        except variables.Unfit:
            if before is not None:
                self._keep(variables.configuration(known))
            self._files.remove(_TRIED)
            raise
        self._keep(text)
        return late

    def _keep(self, text: str) -> None:
        """Has MySQL read this at its next start."""
        if self._files.read(VARIABLES) != text:
            self._files.write(VARIABLES, text, durable=True)

    def _tried(self) -> frozenset[str]:
        names = read_object(self._files, _TRIED).get("names")
        return frozenset(one for one in names if isinstance(one, str)) if isinstance(names, list) else frozenset()

    def _try(self, names: Collection[str]) -> None:
        """Notes what is about to change: whoever comes after a run that was cut short sets it again, also to what it was before."""
        if set(names) != self._tried():
            self._files.write(_TRIED, json.dumps({"names": sorted(names)}) + "\n", durable=True)

    def _validate(self, text: str) -> None:
        """Lets MySQL read its whole configuration with this part."""
        paths = sorted({*(f"{MYSQL}/{name}" for name in self._files.names(MYSQL) if name.endswith(".cnf")), VARIABLES})
        self._files.write(_CANDIDATE, "\n".join(text if path == VARIABLES else self._files.read(path) or "" for path in paths))
        try:
            self._commands.run(("/usr/sbin/mysqld", f"--defaults-file={_CANDIDATE}", "--validate-config", "--user=mysql"), seconds=60)
        except Failed as failure:
            # Another end is none of its own: it was killed, had no time, or is not installed yet.
            if _ENDED.search(str(failure)) is None:
                raise
            raise variables.Unfit(_why(str(failure))) from failure
        finally:
            self._files.remove(_CANDIDATE)

    def _set(self, wanted: Sequence[variables.Change], *, started_with: bool) -> tuple[str, ...]:
        """Returns what MySQL has still to be started for. `started_with`: its file had all of it already, as of before it started."""
        connection = self._connect(_STATEMENT)
        try:
            now = self._clock.now()
            late = variables.bring(connection, self._clock, wanted)
            since = variables.started(connection, now)
        finally:
            connection.close()
        waiting = {name: at for name, at in read_object(self._files, _LATE).items() if isinstance(at, int | float) and at > since}
        if started_with:
            return tuple(sorted(waiting))
        changed = {change.variable: change for change in wanted}
        kept = {name: at for name, at in waiting.items() if name not in changed}
        # What is MySQL's own choice again is what it has, where another one was waited for.
        kept |= {name: now for name in late if changed[name].after is not None or name not in waiting}
        self._files.write(_LATE, json.dumps(kept) + "\n")
        return tuple(sorted(kept))

    def _unit_state(self, unit: str) -> str:
        return self._commands.run(("systemctl", "show", "--property", "ActiveState", "--value", unit), seconds=30).strip()

    # The application

    def _application(self, environment: Mapping[str, str]) -> None:
        """Has it run with these variables, by the way of a release: another one beside it, and switched to when healthy."""
        text = environment_text(environment)
        if self._files.read(places.ENVIRONMENT) != text:
            self._files.write(places.ENVIRONMENT, text, durable=True, private=True)
        runs = self._runs_with()
        if runs in (None, text):
            # None: no release ran here yet; the first one takes them.
            return
        try:
            self._commands.run(("systemctl", "start", _RELEASE_UNIT), seconds=900)
        except Failed as failure:
            status = read_object(self._files, places.RELEASE_STATUS)
            error = status.get("error")
            # One that was on its way already may have been started with those of an edit before.
            tried = text in (self._files.read(f"{places.ENVIRONMENT}.{one}") or "" for one in ("blue", "green"))
            if tried and status.get("unfit") is True and status.get("wanted") == status.get("running"):
                # So that it is not tried again and again beside the one that serves.
                self._files.write(places.ENVIRONMENT, runs or "", durable=True, private=True)
                with contextlib.suppress(Failed):
                    self._commands.run(("systemctl", "start", _RELEASE_UNIT), seconds=900)
                raise Refused(f"the application does not become healthy with its environment, and goes on with the one before: {error}") from failure
            raise Failed(f"the application waits for its release: {error or failure}") from failure
        if self._runs_with() != text:
            raise Failed("the application does not run with its environment yet")

    def _runs_with(self) -> str | None:
        """The variables that the one that serves was started with; None: none serves yet."""
        colour, *_ = [*(self._files.read(places.ACTIVE) or "").split(), ""]
        return (self._files.read(f"{places.ENVIRONMENT}.{colour}") or "") if colour else None


def _digest(text: str) -> str:
    """What settings are named by: their text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def _words(late: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{name} takes effect when MySQL starts next" for name in late)


def _why(output: str) -> str:
    """The last error in what mysqld prints."""
    errors = [line.split("] ", 3)[-1].strip() for line in output.splitlines() if "[ERROR]" in line]
    told = [line for line in errors if line != "Aborting"]
    return f"MySQL refuses its configuration: {told[-1] if told else output}"


def main() -> None:
    files, log, commands = Disk(), Journal(), Shell(os.environ)
    settings = Settings.load(files)
    channel = Bucket(files, commands) if settings.directory is None else Directory(files, settings.directory)
    program = Apply(settings, World(files, BootClock(), commands, Local, log))
    try:
        if sys.argv[2:] == ["begin"]:
            program.begin(channel)
        else:
            program.run()
    except (Failed, OSError) as failure:
        log.complain(str(failure))
        sys.exit(1)
