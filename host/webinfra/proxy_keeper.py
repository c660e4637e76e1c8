"""Keeps the servers of one HAProxy: those of its configuration on the disk, and those of the process that runs.

The disk comes first, so that a restart or a reload at any moment comes up with the right servers. The process is told the difference, and looked at
again now and then: a reload that was under way, a process that was away and a hand at the socket leave another one.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from webinfra import places
from webinfra.clock import Clock
from webinfra.files import Files
from webinfra.log import Complaints, Log
from webinfra.outside import Commands, Failed
from webinfra.proxies import Member, Pattern, Running, Server, expand, keeps_held, name, orders, running
from webinfra.proxy_socket import Proxy
from webinfra.settings import live, read_object

# The variable of a process that holds the site's name.
NAME: Final = "proc.domain"
# Seconds between two looks when nothing new is known, and after one that did not end well.
LOOK: Final = 2.0
AGAIN: Final = 0.5


@dataclass(frozen=True)
class Settings:
    config: str
    socket: str


class ProxyKeeper:
    def __init__(self, settings: Settings, files: Files, clock: Clock, commands: Commands, proxy: Proxy, log: Log) -> None:
        self._settings = settings
        # Which servers it holds in maintenance; gone after a boot, as they are.
        self._memory = f"{places.RUN}/held{settings.socket.replace('/', '-')}.json"
        self._files = files
        self._clock = clock
        self._commands = commands
        self._proxy = proxy
        self._disk = Complaints(log)
        self._process = Complaints(log)
        self._log = log
        # None: not known yet.
        self._members: Mapping[str, Sequence[Member]] | None = None
        self._next = 0.0

    def want(self, members: Mapping[str, Sequence[Member]]) -> None:
        """These machines serve from now on: writes them down and tells the process."""
        self._members, self._next = members, 0.0
        self.look()

    def look(self) -> None:
        """Brings disk and process to what is wanted, when that is due."""
        if self._members is None or self._clock.now() < self._next:
            return
        well = self._keep(self._members)
        self._next = self._clock.now() + (LOOK if well else AGAIN)

    def _keep(self, members: Mapping[str, Sequence[Member]]) -> bool:
        """Whether all is as it should be."""
        path = self._settings.config
        config = self._files.read(path)
        if config is None:
            self._disk.about(f"{path} cannot be read")
            return False
        found = live(self._files)
        named = config if found is None else name(config, found.domain)
        text, patterns, wanted = expand(named, members)
        try:
            if text != config:
                self._write(text)
            self._disk.about("")
        except (Failed, OSError) as failure:
            self._disk.about(f"{path} stays as it is: {failure}")
            return False
        try:
            if found is not None:
                self._name(found.domain)
            left = self._bring(patterns, wanted)
        except Failed as failure:
            # One that is not there comes up with what the disk says.
            self._process.about(str(failure))
            return False
        self._process.about(f"{self._settings.socket} did not take: {', '.join(left)}" if left else "")
        return not left

    def _name(self, domain: str) -> None:
        """Tells the process the site's name, unless it has it: one that began as the disk was written may not. A reload would cost connections."""
        if f" value=<{domain}>" in self._proxy.tell(f"get var {NAME}"):
            return
        answer = self._proxy.tell(f"experimental-mode on; set var {NAME} str({domain})").strip()
        if answer:
            raise Failed(f"{self._settings.socket} does not take the site's name {domain}: {answer}")

    def _write(self, text: str) -> None:
        """Replaces the configuration by one that HAProxy accepts, also before a loss of power."""
        candidate = f"{self._settings.config}.candidate"
        self._files.write(candidate, text)
        try:
            environment = dict(line.split("=", 1) for line in (self._files.read(places.MACHINE) or "").splitlines() if "=" in line)
            self._commands.run(("haproxy", "-c", "-q", "-f", candidate), seconds=30, environment=environment)
        finally:
            self._files.remove(candidate)
        self._files.write(self._settings.config, text, durable=True)

    def _bring(self, patterns: Sequence[Pattern], wanted: Sequence[Server]) -> tuple[str, ...]:
        """Which servers are not what they should be after the process was told."""
        held, present = self._held(), self._present()
        # What was deleted because others come before it, which is held meanwhile, is added again by the second round.
        for _ in range(2):
            todo = orders(patterns, wanted, present, held)
            if not todo:
                break
            # Before anything is done: who finds a server in maintenance has to know whose hand it was.
            self._hold({*held, *(order.key for order in todo if order.holds)})
            for order in todo:
                self._proxy.tell(";".join(order.commands))
                if not order.waits:
                    self._log.say(f"{self._settings.socket}: {'; '.join(order.commands)}")
            held, present = self._held(), self._present()
            if not any(order.waits and order.holds for order in todo):
                break
        self._hold(keeps_held(present, held))
        return tuple(order.key for order in orders(patterns, wanted, present, held) if not order.waits)

    def _present(self) -> tuple[Running, ...]:
        return running(self._proxy.tell("show servers state"))

    def _held(self) -> tuple[str, ...]:
        held = read_object(self._files, self._memory).get("held")
        return tuple(one for one in held if isinstance(one, str)) if isinstance(held, list) else ()

    def _hold(self, keys: Collection[str]) -> None:
        if set(keys) != set(self._held()):
            self._files.write(self._memory, json.dumps({"held": sorted(keys)}) + "\n")
