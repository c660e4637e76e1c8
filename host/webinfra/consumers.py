"""Who is told of what sync found in the channel, each by its kind: names on this host, the servers of its proxies, units that read a document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from webinfra import names, places
from webinfra.files import Files
from webinfra.log import Log
from webinfra.outside import Commands, Failed
from webinfra.protocol import Entry
from webinfra.proxies import Member
from webinfra.proxy_keeper import ProxyKeeper

HOSTS: Final = "/etc/hosts"


@dataclass(frozen=True)
class Site:
    """The machines that are listed, and by group those that proxies send to."""

    machines: tuple[Entry, ...]
    members: Mapping[str, Sequence[Member]]


class Consumer(Protocol):
    def feed(self, site: Site) -> None:
        """This is what there is from now on. Raises Failed when it cannot be taken now."""

    def look(self) -> None:
        """At each turn, also while the channel is away. Raises Failed when what is due cannot be done now."""


class HostsFile:
    """Names of the site's hosts in a block of /etc/hosts."""

    def __init__(self, zone: str, files: Files, log: Log) -> None:
        self._zone = zone
        self._files = files
        self._log = log

    def feed(self, site: Site) -> None:
        before = self._files.read(HOSTS)
        if before is None:
            raise Failed(f"{HOSTS} cannot be read")
        after = names.replace_block(before, names.lines(site.machines, self._zone))
        if after != before:
            self._files.write(HOSTS, after)
            self._log.say(f"{len(site.machines)} machines are listed")

    def look(self) -> None:
        """Nobody else writes the block."""


class ProxyServers:
    """The servers of an HAProxy."""

    def __init__(self, keeper: ProxyKeeper) -> None:
        self._keeper = keeper

    def feed(self, site: Site) -> None:
        self._keeper.want(site.members)

    def look(self) -> None:
        self._keeper.look()


class Reader:
    """A unit that is started anew whenever a document changed."""

    def __init__(self, document: str, unit: str, files: Files, commands: Commands) -> None:
        self._document = document
        self._unit = unit
        self._files = files
        self._commands = commands
        self._told: str | None = None

    def feed(self, site: Site) -> None:
        """It asks for no machines."""

    def look(self) -> None:
        text = self._files.read(f"{places.CHANNEL}/{self._document}")
        if text and text != self._told:
            self._commands.run(("systemctl", "restart", "--no-block", self._unit), seconds=60)
            self._told = text
