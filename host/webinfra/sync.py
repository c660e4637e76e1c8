"""Keeps the last good copy of the channel's documents, makes names and servers of proxies of the inventory, and starts units that read what changed.

A host that boots before the inventory is written waits for it here; when the channel is away, hosts keep what they have. A document that cannot be
used hurts nothing but itself: it is refused by name, and the last good one stays.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from webinfra import names, places, proxy_keeper
from webinfra.channel import Bucket, Directory, Source, Text
from webinfra.clock import BootClock, Clock
from webinfra.files import Disk, Files
from webinfra.log import Complaints, Journal, Log
from webinfra.loop import Loop
from webinfra.outside import Commands, Failed, Shell
from webinfra.protocol import Entry, PrimaryPointer, Refused, parse_entry, parse_host_pointer, parse_primary_pointer, parse_release_pointer
from webinfra.proxy_keeper import ProxyKeeper
from webinfra.proxy_socket import ProxySocket
from webinfra.settings import Fields, read_object

HOSTS: Final = "/etc/hosts"
SLOTS: Final = "/var/lib/webinfra/slots.json"
PRIMARY: Final = "pointers/primary.json"
RELEASE: Final = "pointers/release.json"
HOST: Final = "pointers/host.json"
# How each is read; any other document is an entry of the inventory.
POINTERS: Final[Mapping[str, Callable[[str], object]]] = {
    PRIMARY: parse_primary_pointer,
    RELEASE: parse_release_pointer,
    HOST: parse_host_pointer,
}
# Seconds between two notes that the channel was read.
SAID: Final = 1.0


@dataclass(frozen=True)
class Settings:
    # None: the channel is a bucket.
    directory: str | None
    # Between two looks at the channel, and between two pulls of it whole though nothing told that it changed.
    seconds: float
    pull_seconds: float
    zone: str
    # Whose machines get the slots of a group, such as "web".
    groups: Mapping[str, str]
    # Each HAProxy of this host.
    proxies: tuple[proxy_keeper.Settings, ...]
    # Units to restart when a document changes.
    units: Mapping[str, str]

    @staticmethod
    def load(files: Files) -> "Settings":
        fields = Fields.load(files, "sync")
        groups, units = fields.inner("groups"), fields.inner("units")
        return Settings(
            directory=fields.text("directory") if fields.has("directory") else None,
            seconds=fields.number("seconds"),
            pull_seconds=fields.number("pullSeconds"),
            zone=fields.text("zone"),
            groups={key: groups.text(key) for key in groups},
            proxies=tuple(proxy_keeper.Settings(one.text("config"), one.text("socket")) for one in fields.each("proxies")),
            units={key: units.text(key) for key in units},
        )


class Sync:
    def __init__(
        self, settings: Settings, files: Files, clock: Clock, commands: Commands, source: Source, log: Log, proxies: Sequence[ProxyKeeper] = ()
    ) -> None:
        self._settings = settings
        self._files = files
        self._clock = clock
        self._commands = commands
        self._source = source
        self._log = log
        self._refusals = Complaints(log)
        self._proxies = proxies
        self._mark: str | None = None
        # When the channel was pulled whole; None: that is to be done now.
        self._pulled: float | None = None
        self._synced: float | None = None
        self._told: dict[str, str] = {}

    def begin(self) -> None:
        """Proxies get what was known last, also while the channel is away."""
        if self._files.names(places.INVENTORY):
            self._apply()

    def turn(self) -> float:
        """One look at the channel, and at the proxies; Failed when the channel is away."""
        try:
            self._look()
        except Failed as failure:
            # A host that boots now begins with the documents of last time.
            with contextlib.suppress(Failed):
                self._tell()
            raise Failed(f"the channel cannot be read, keeping what is here: {failure}") from failure
        finally:
            for proxy in self._proxies:
                proxy.look()
        if self._synced is None or self._clock.now() - self._synced >= SAID:
            self._synced = self._clock.now()
            self._files.write(places.SYNCED, f"{self._synced:.3f}\n")
        self._tell()
        return self._settings.seconds

    def _look(self) -> None:
        if self._files.read(places.PULL) is not None:
            # First: who asks while this pulls is heard by the next turn.
            self._files.remove(places.PULL)
            self._pulled = None
        mark = self._source.mark()
        # What is deleted at the end of an update changes no version in a bucket, and a publisher may die before it told.
        overdue = self._pulled is None or self._clock.now() - self._pulled >= self._settings.pull_seconds
        if mark == self._mark and not overdue:
            return
        self._take(self._source.fetch())
        self._apply()
        self._mark, self._pulled = mark, self._clock.now()

    def _take(self, found: Mapping[str, Text]) -> None:
        """Takes over each good document, and refuses the others by name."""
        listed = {key for key in found if key.startswith("inventory/")}
        here = {f"inventory/{name}" for name in self._files.names(places.INVENTORY) if name.endswith(".json")}
        if here and not listed:
            raise Failed("its inventory is empty, and was not")
        reasons: dict[str, str] = {}
        for key in sorted(listed):
            self._take_one(key, found[key], reasons)
        for key in POINTERS:
            # One that is gone stays: without it no host would know what to do.
            if key in found:
                self._take_one(key, found[key], reasons)
        for key in here - listed:
            self._files.remove(f"{places.CHANNEL}/{key}")
        self._write(places.REFUSED, json.dumps([{"document": key, "reason": reason} for key, reason in reasons.items()]) + "\n")
        self._refusals.about("; ".join(f"{key} is refused: {reason}" for key, reason in reasons.items()))

    def _take_one(self, key: str, text: Text, reasons: dict[str, str]) -> None:
        path = f"{places.CHANNEL}/{key}"
        before = self._files.read(path)
        try:
            self._check(key, text, before)
        except Refused as refused:
            reasons[key] = str(refused)
            # The release before copied documents as they came.
            if before is not None and not _good(key, before):
                self._files.remove(path)
            return
        if text is not None:
            self._write(path, text)

    def _check(self, key: str, text: Text, before: Text) -> None:
        if text is None:
            raise Refused("cannot be read")
        new = _parse(key, text)
        if isinstance(new, PrimaryPointer) and before is not None and _good(key, before):
            last = parse_primary_pointer(before)
            if new.epoch.number < last.epoch.number:
                raise Refused(f"epoch {new.epoch.number} is older than {last.epoch.number}, which is in use")

    def _machines(self) -> tuple[Entry, ...]:
        found = (self._files.read(f"{places.INVENTORY}/{name}") for name in self._files.names(places.INVENTORY) if name.endswith(".json"))
        return tuple(parse_entry(text) for text in found if text is not None and _good("inventory/", text))

    def _apply(self) -> None:
        listed = self._machines()
        slots = names.assign(self._remembered(), listed, self._settings.groups)
        self._write(SLOTS, json.dumps(slots))
        members = names.members(listed, slots)
        for proxy in self._proxies:
            proxy.want(members)
        hosts = self._files.read(HOSTS)
        if hosts is None:
            raise Failed(f"{HOSTS} cannot be read")
        if self._write(HOSTS, names.replace_block(hosts, names.lines(listed, self._settings.zone))):
            self._log.say(f"{len(listed)} machines are listed")

    def _remembered(self) -> names.Slots:
        """The slots of last time. Not every one when a power loss left half a file, which must not end all that follows."""
        found: dict[str, dict[str, int]] = {}
        for group, held in read_object(self._files, SLOTS).items():
            if isinstance(held, dict):
                found[group] = {machine: slot for machine, slot in held.items() if isinstance(slot, int)}
        return found

    def _tell(self) -> None:
        for key, unit in self._settings.units.items():
            text = self._files.read(f"{places.CHANNEL}/{key}")
            if text and text != self._told.get(key):
                self._commands.run(("systemctl", "restart", "--no-block", unit), seconds=60)
                self._told[key] = text

    def _write(self, path: str, text: str) -> bool:
        """Replaces a file when its text is another."""
        if self._files.read(path) == text:
            return False
        self._files.write(path, text)
        return True


def _parse(key: str, text: str) -> object:
    return POINTERS.get(key, parse_entry)(text)


def _good(key: str, text: str) -> bool:
    try:
        _parse(key, text)
    except Refused:
        return False
    return True


def main() -> None:
    files, clock, log, commands = Disk(), BootClock(), Journal(), Shell(os.environ)
    settings = Settings.load(files)
    source = Bucket(files, commands) if settings.directory is None else Directory(files, settings.directory)
    proxies = [ProxyKeeper(one, files, clock, commands, ProxySocket(one.socket, seconds=1), log) for one in settings.proxies]
    sync = Sync(settings, files, clock, commands, source, log, proxies)
    with contextlib.suppress(Failed):
        sync.begin()
    Loop(clock, log, sync.turn, after_failure=settings.seconds).forever()
