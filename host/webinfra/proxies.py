"""Which servers HAProxy has: the lines of its configuration, and the orders that bring a running one to them.

The configuration that came with the host says what a server of a role looks like, in a comment of its own:

    backend web
      #! each web: server s{slot} {address}:8080 check inter 800ms

The lines that follow it are written by `expand`, one a machine. A running HAProxy knows nothing of that: it is told the difference (`orders`).
In the same way it says where the site's name stands, for a process that starts; one that runs is told.

    global
      #! named: set-var proc.domain str({domain})
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_SECTION: Final = re.compile(r"[^\s#]+(?: +(\S+))?")
_PATTERN: Final = re.compile(r"(\s*)#! each (\w+)( once checked)?: server (\S+) (\S+):(\d+)(?: (.+))?")
_SERVER: Final = re.compile(r"\s+server\s")
_NAMED: Final = re.compile(r"(\s*)#! named: (.+)")

# Bits of a server's administrative state, as `show servers state` gives them: put into maintenance, or into drain, by somebody.
_MAINTENANCE: Final = 0x01
_DRAIN: Final = 0x08
_COLUMNS: Final = 19


@dataclass(frozen=True)
class Member:
    """A machine that serves."""

    slot: int
    address: str


@dataclass(frozen=True)
class Pattern:
    """What the servers of a role look like in a backend."""

    indent: str
    backend: str
    group: str
    # It takes nothing before a check has passed: that two databases seem to take writes for a moment would stop them all.
    once_checked: bool
    name: str
    address: str
    port: int
    options: str

    def servers(self, members: Iterable[Member]) -> "Iterator[Server]":
        for member in members:
            name = self.name.replace("{slot}", str(member.slot))
            address = self.address.replace("{address}", member.address)
            yield Server(self.backend, name, address, self.port, self.options, once_checked=self.once_checked)

    def matches(self, server: str) -> bool:
        """Whether a server of this name is one of these."""
        return re.fullmatch(re.escape(self.name).replace(r"\{slot\}", r"\d+"), server) is not None


@dataclass(frozen=True)
class Server:
    backend: str
    name: str
    address: str
    port: int
    options: str = ""
    once_checked: bool = False

    @property
    def key(self) -> str:
        return f"{self.backend}/{self.name}"

    @property
    def line(self) -> str:
        return f"server {self.name} {self.address}:{self.port} {self.options}".rstrip()

    def added(self) -> str:
        # It takes no default of its backend, so its options say all.
        return f"add server {self.key} {self.address}:{self.port} {self.options}".rstrip()

    def enabled(self) -> tuple[str, ...]:
        """From maintenance to service. What leaves maintenance is taken for a good server; one that is checked first goes by way of drain."""
        health = (f"enable health {self.key}",) if "check" in self.options.split() else ()
        if not self.once_checked:
            return (*health, f"set server {self.key} state ready")
        return (*health, f"set server {self.key} state drain", f"set server {self.key} health down", f"set server {self.key} state ready")

    def moved(self) -> tuple[str, ...]:
        move = f"set server {self.key} addr {self.address} port {self.port}"
        return (move, f"set server {self.key} health down") if self.once_checked else (move,)

    @property
    def backup(self) -> bool:
        return "backup" in self.options.split()

    def retired(self) -> tuple[str, ...]:
        return (f"set server {self.key} state maint",)

    def cut_off(self) -> tuple[str, ...]:
        """Into maintenance, with whom it serves."""
        return (*self.retired(), f"shutdown sessions server {self.key}")

    def deleted(self) -> tuple[str, ...]:
        """HAProxy refuses this as long as the server has connections: it finishes what it has."""
        return (f"del server {self.key}",)


@dataclass(frozen=True)
class Running:
    """A server that a running HAProxy has."""

    backend: str
    name: str
    address: str
    port: int
    admin: int

    @property
    def key(self) -> str:
        return f"{self.backend}/{self.name}"

    @property
    def in_maintenance(self) -> bool:
        return bool(self.admin & _MAINTENANCE)

    @property
    def serves(self) -> bool:
        return not self.admin & (_MAINTENANCE | _DRAIN)


@dataclass(frozen=True)
class Order:
    """Commands for one server. `holds`: it is in maintenance by sync's hand until they are done; `waits`: they may be refused for now."""

    key: str
    commands: tuple[str, ...]
    holds: bool = True
    waits: bool = False


def name(config: str, domain: str) -> str:
    """A configuration with the site's name in the lines where it belongs."""
    lines: list[str] = []
    begins = ""
    for line in config.splitlines():
        # The line of the name before.
        if begins and line.startswith(begins):
            begins = ""
            continue
        lines.append(line)
        found = _NAMED.fullmatch(line)
        begins = ""
        if found is not None:
            indent, text = found.groups()
            lines.append(f"{indent}{text.replace('{domain}', domain)}")
            begins = f"{indent}{text.partition('{domain}')[0]}"
    return "\n".join(lines) + "\n"


def expand(config: str, members: Mapping[str, Sequence[Member]]) -> tuple[str, tuple[Pattern, ...], tuple[Server, ...]]:
    """A configuration with the lines of these machines, the patterns that it has, and the servers that those lines are."""
    lines: list[str] = []
    patterns: list[Pattern] = []
    servers: list[Server] = []
    backend = ""
    written = False
    for line in config.splitlines():
        section = _SECTION.match(line)
        backend = (section.group(1) or "") if section else backend
        found = _pattern(line, backend)
        if found is None and written and _SERVER.match(line):
            continue
        lines.append(line)
        written = found is not None
        if found is not None:
            here = tuple(found.servers(sorted(members.get(found.group, ()), key=lambda member: member.slot)))
            lines.extend(f"{found.indent}{server.line}" for server in here)
            patterns.append(found)
            servers.extend(here)
    return "\n".join(lines) + "\n", tuple(patterns), tuple(servers)


def _pattern(line: str, backend: str) -> Pattern | None:
    found = _PATTERN.fullmatch(line)
    if found is None:
        return None
    indent, group, once_checked, name, address, port, options = found.groups()
    return Pattern(indent, backend, group, once_checked is not None, name, address, int(port), (options or "").strip())


def running(answer: str) -> tuple[Running, ...]:
    """The servers in an answer to `show servers state`."""
    found: list[Running] = []
    for line in answer.splitlines():
        fields = line.split()
        if line.startswith("#") or len(fields) < _COLUMNS or not (fields[6].isdigit() and fields[18].isdigit()):
            continue
        found.append(Running(fields[1], fields[3], fields[4], int(fields[18]), int(fields[6])))
    return tuple(found)


def orders(patterns: Sequence[Pattern], wanted: Sequence[Server], present: Sequence[Running], held: Collection[str]) -> tuple[Order, ...]:
    """What brings a running HAProxy to the servers that are wanted.

    `held`: servers that sync itself put into maintenance, or added and did not get to enable. What somebody else put there is left there.
    """
    here = {server.key: server for server in present}
    late = misplaced(wanted, present, held)
    waiting = {server.backend for server in wanted if server.key in late}
    found: list[Order] = []
    for server in wanted:
        one = here.get(server.key)
        if one is None:
            # Not before those that are deleted to be added again.
            if not (server.backup and server.backend in waiting):
                found.append(Order(server.key, (server.added(), *server.enabled())))
            continue
        if server.key in late:
            found += [Order(server.key, server.cut_off()), Order(server.key, server.deleted(), waits=True)]
            continue
        moved = server.moved() if (one.address, one.port) != (server.address, server.port) else ()
        enabled = server.enabled() if server.key in held and not one.serves else ()
        if moved or enabled:
            found.append(Order(server.key, (*moved, *enabled), holds=bool(enabled)))
    expected = {server.key for server in wanted}
    for one in present:
        if one.key in expected or not any(pattern.backend == one.backend and pattern.matches(one.name) for pattern in patterns):
            continue
        gone = Server(one.backend, one.name, one.address, one.port)
        if not one.in_maintenance:
            found.append(Order(one.key, gone.retired()))
        found.append(Order(one.key, gone.deleted(), holds=False, waits=True))
    return tuple(found)


def misplaced(wanted: Sequence[Server], present: Sequence[Running], held: Collection[str]) -> frozenset[str]:
    """Backup servers that stand before one that comes first. HAProxy takes the first that is up, and puts those that it is told of at the end."""
    places = {one.key: place for place, one in enumerate(present)}
    somebody_elses = {one.key for one in present if not one.serves and one.key not in held}
    late: set[str] = set()
    # By backend: the place of the last of those that come before. One that is not there yet comes to the end.
    last: dict[str, int] = {}
    for server in wanted:
        if not server.backup or server.key in somebody_elses:
            continue
        place = places.get(server.key, len(present))
        before = last.get(server.backend, -1)
        if place < before:
            late.add(server.key)
        last[server.backend] = max(place, before)
    return frozenset(late)


def keeps_held(present: Sequence[Running], held: Collection[str]) -> tuple[str, ...]:
    """Which of the servers that sync held it holds still."""
    return tuple(sorted(server.key for server in present if server.key in held and not server.serves))
