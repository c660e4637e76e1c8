"""Keeps the last good copy of the channel's documents, and tells its consumers what there is: names, servers of proxies, units that read a document.

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
from webinfra.consumers import Consumer, HostsFile, ProxyServers, Reader, Site
from webinfra.files import Disk, Files
from webinfra.log import Complaints, Journal, Log
from webinfra.loop import Loop
from webinfra.outside import Commands, Failed, Shell
from webinfra.protocol import (
    Entry,
    PrimaryPointer,
    Refused,
    parse_entry,
    parse_host_pointer,
    parse_host_settings,
    parse_primary_pointer,
    parse_release_pointer,
)
from webinfra.proxy_keeper import ProxyKeeper
from webinfra.proxy_socket import Proxy, ProxySocket
from webinfra.settings import Fields, read_object

SLOTS: Final = "/var/lib/webinfra/slots.json"
PRIMARY: Final = "pointers/primary.json"
RELEASE: Final = "pointers/release.json"
HOST: Final = "pointers/host.json"
# How each is read.
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
    # Whose machines get the slots of a group, such as "web".
    groups: Mapping[str, str]
    # Who is told, by kind; see `consumer`.
    consumers: tuple[Fields, ...]
    # Documents beside inventory and pointers that are this host's own: its settings, where it has any.
    own: tuple[str, ...] = ()

    @staticmethod
    def load(files: Files) -> "Settings":
        fields = Fields.load(files, "sync")
        groups = fields.inner("groups")
        return Settings(
            directory=fields.text("directory") if fields.has("directory") else None,
            seconds=fields.number("seconds"),
            pull_seconds=fields.number("pullSeconds"),
            groups={key: groups.text(key) for key in groups},
            consumers=fields.each("consumers"),
            own=fields.texts("own") if fields.has("own") else (),
        )


class Sync:
    def __init__(self, settings: Settings, files: Files, clock: Clock, source: Source, log: Log, consumers: Sequence[Consumer] = ()) -> None:
        self._settings = settings
        self._files = files
        self._clock = clock
        self._source = source
        self._refusals = Complaints(log)
        self._consumers = consumers
        self._mark: str | None = None
        # When the channel was pulled whole; None: that is to be done now.
        self._pulled: float | None = None
        self._synced: float | None = None

    def begin(self) -> None:
        """Consumers get what was known last, also while the channel is away."""
        if self._files.names(places.INVENTORY):
            self._apply()

    def turn(self) -> float:
        """One look at the channel, and one of each consumer; Failed when the channel is away, or a consumer could not do what was due."""
        failures: list[Failed] = []
        try:
            self._look()
        except Failed as failure:
            raise Failed(f"the channel cannot be read, keeping what is here: {failure}") from failure
        finally:
            for one in self._consumers:
                try:
                    one.look()
                except Failed as failure:
                    failures.append(failure)
        if self._synced is None or self._clock.now() - self._synced >= SAID:
            self._synced = self._clock.now()
            self._files.write(places.SYNCED, f"{self._synced:.3f}\n")
        if failures:
            raise failures[0]
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
        # One that is gone stays: without it no host would know what to do. Of settings, a host needs its own.
        for key in (*POINTERS, *self._settings.own):
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
        site = Site(listed, names.members(listed, slots))
        for one in self._consumers:
            one.feed(site)

    def _remembered(self) -> names.Slots:
        """The slots of last time. Not every one when a power loss left half a file, which must not end all that follows."""
        found: dict[str, dict[str, int]] = {}
        for group, held in read_object(self._files, SLOTS).items():
            if isinstance(held, dict):
                found[group] = {machine: slot for machine, slot in held.items() if isinstance(slot, int)}
        return found

    def _write(self, path: str, text: str) -> bool:
        """Replaces a file when its text is another."""
        if self._files.read(path) == text:
            return False
        self._files.write(path, text)
        return True


def _parse(key: str, text: str) -> object:
    if key.startswith("settings/"):
        return parse_host_settings(text)
    return POINTERS.get(key, parse_entry)(text)


def _good(key: str, text: str) -> bool:
    try:
        _parse(key, text)
    except Refused:
        return False
    return True


@dataclass(frozen=True)
class Outside:
    """What consumers use of the host."""

    files: Files
    clock: Clock
    commands: Commands
    log: Log
    # The way to an HAProxy, by its socket.
    proxy: Callable[[str], Proxy]


def consumer(fields: Fields, outside: Outside) -> Consumer | None:
    """The consumer of a kind. None, which is said, for a kind that this host package does not know: its host was made for a newer one."""
    kind = fields.text("kind")
    match kind:
        case "hosts":
            return HostsFile(fields.text("zone"), outside.files, outside.log)
        case "proxy":
            settings = proxy_keeper.Settings(fields.text("config"), fields.text("socket"))
            return ProxyServers(ProxyKeeper(settings, outside.files, outside.clock, outside.commands, outside.proxy(settings.socket), outside.log))
        case "unit":
            return Reader(fields.text("document"), fields.text("unit"), outside.files, outside.commands)
        case _:
            outside.log.complain(f'no consumer is of the kind "{kind}": it is told nothing')
            return None


def main() -> None:
    files, clock, log, commands = Disk(), BootClock(), Journal(), Shell(os.environ)
    settings = Settings.load(files)
    source = Bucket(files, commands, settings.own) if settings.directory is None else Directory(files, settings.directory, settings.own)
    consumers = [found for one in settings.consumers if (found := consumer(one, Outside(files, clock, commands, log, ProxySocket))) is not None]
    sync = Sync(settings, files, clock, source, log, consumers)
    with contextlib.suppress(Failed):
        sync.begin()
    Loop(clock, log, sync.turn, after_failure=settings.seconds).forever()
