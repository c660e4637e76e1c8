"""Hosts, their network and their channel, the clients that write, and what must always hold."""

import json
from collections.abc import Callable
from typing import Protocol

from webinfra import places

from .gtids import Gtids
from .kernel import Broken, Kernel, Place, Task
from .mysql import Server

# Seconds for which a host must have been in reach before a forced promotion has to take what it holds.
SETTLED = 12.0
# Seconds: what a host received later than this before another one opens, nobody could know of. A look is up to 2 s old, an answer of a peer 3 s.
KNOWN = 6.0
# Seconds in which a server that is open has to close, or to be killed, when its host has a pointer that names another one.
CLOSES = 8.0


class Host(Place):
    """A machine with a database."""

    def __init__(self, world: "World", number: int) -> None:
        super().__init__()
        self.world, self.number, self.name = world, number, f"db-{number}"
        self.server = Server(world.kernel, world, self, number, world.require)
        self.alive = False
        self.boots = 0
        self.booted_at = 0.0
        self.disk: dict[str, str] = {}
        self.run: dict[str, str] = {}
        self.tasks: list[Task] = []
        self.fence: str | None = None
        # What it held, and when, of the last seconds.
        self.held: tuple[tuple[float, Gtids], ...] = ()
        # Since when it is open though superseded, with nothing that holds it up.
        self.late_since: float | None = None

    def boot(self) -> None:
        if self.alive:
            return
        world, random = self.world, self.world.kernel.random
        self.alive, self.boots, self.booted_at, self.run = True, self.boots + 1, world.kernel.now, {}
        boots = self.boots

        def if_same(call: Callable[[], object]) -> Callable[[], None]:
            def run() -> None:
                if self.alive and self.boots == boots:
                    call()

            return run

        world.kernel.after(random.uniform(0.2, 1.5), if_same(self.server.start))
        world.kernel.after(random.uniform(0.2, 2.0), if_same(lambda: world.programs.start(self)))
        world.kernel.every(self, 0.1, self.server.tick, lambda: self.alive and self.boots == boots)
        world.kernel.every(self, 0.5, self.restart_mysql, lambda: self.alive and self.boots == boots)

    def restart_mysql(self) -> None:
        """systemd: whatever ended, it starts again."""
        if not self.server.up and self.world.kernel.now > self.booted_at + 1.5:
            self.server.start()

    def crash(self) -> None:
        self.alive, self.frozen_until = False, 0.0
        self.server.stalled_until = 0.0
        self.server.kill()
        for task in self.tasks:
            task.kill()
        self.tasks = []
        self.run = {}

    def kill_programs(self) -> None:
        if not self.tasks:
            # Whatever is to start them soon does so: there are never two of one.
            return
        for task in self.tasks:
            task.kill()
        self.tasks = []
        if self.alive:
            boots = self.boots
            self.world.kernel.after(
                self.world.kernel.random.uniform(0.5, 2.5), lambda: self.world.programs.start(self) if self.alive and self.boots == boots else None
            )

    def apply_settings(self) -> None:
        """The durability that is wanted now: MySQL's time-out first, and then what the programs read. Later, where the host cannot do that now."""
        world, require = self.world, self.world.require
        if not (self.responsive and self.server.up and self.reads_channel()):
            world.kernel.after(5, self.apply_settings)
            return
        self.server.require = require
        database: dict[str, object] = {"variables": {}, "durability": "require" if require else "prefer", "maxLagSeconds": 5}
        text = json.dumps({"version": 2, "host": self.name, "domain": "www.example.com", "database": database})
        world.kernel.after(world.kernel.random.uniform(0, 1), lambda: self.disk.update({places.APPLIED: text}))

    @property
    def responsive(self) -> bool:
        """Whether it is there, and neither it nor its MySQL hangs."""
        return self.alive and not self.server.hangs

    def reads_channel(self) -> bool:
        return self.number not in self.world.channel_cuts


class Programs(Protocol):
    """The programs under test, as the world starts and asks them."""

    def start(self, host: Host) -> None: ...

    def state(self, host: Host) -> str | None:
        """What its agent answers; None while it does not."""
        ...

    def pointer(self, pointed: "Pointed", previous: "Pointed | None") -> str: ...

    def fence(self, host: Host) -> str | None:
        """Why it is fenced, as its disk says."""
        ...

    def opened_by(self, host: Host) -> object:
        """The epoch by which it opens, as its disk says."""
        ...

    def check(self, host: Host) -> None:
        """What must hold of its files when it asks MySQL to open; raises Broken."""
        ...

    def superseded(self, host: Host) -> bool:
        """Whether its copy of the channel has a newer pointer than the one by which it opened, which names another host."""
        ...


class Pointed:
    """A pointer as an operator wrote it."""

    def __init__(self, epoch: int, nonce: str, primary: str, force: bool) -> None:
        self.epoch, self.nonce, self.primary, self.force = epoch, nonce, primary, force


class World:
    """One history."""

    def __init__(self, seed: int, programs: Callable[["World"], Programs], hosts: int, require: bool) -> None:
        self.kernel = Kernel(seed)
        self.require = require
        self.programs = programs(self)
        self.cuts: set[tuple[int, int]] = set()
        # Of MySQL's packets alone: what a firewall does.
        self.mysql_cuts: set[int] = set()
        self.channel_cuts: set[int] = set()
        self.channel: dict[str, str] = {}
        # Counts what was published: hosts look at the documents themselves.
        self.changes = 0
        self.pointed = Pointed(1, "first", "db-1", False)
        self.pointers: list[Pointed] = [self.pointed]
        self.hosts = [Host(self, number) for number in range(1, hosts + 1)]
        self.log: list[str] = []
        # Acknowledged and not waived by an operator's word.
        self.ledger = Gtids()
        self.latest: Host | None = None
        self.forced = False
        self.acks = 0
        self.last_ack = 0.0
        self.reach_since: dict[tuple[int, int], float] = {}
        for host in self.hosts:
            self.kernel.every(host, 0.12, lambda host=host: self.client(host), lambda: True)  # type: ignore[misc]

    # The network

    def reaches(self, one: int, other: int) -> bool:
        whole = (one, other) not in self.cuts and (other, one) not in self.cuts and one not in self.mysql_cuts and other not in self.mysql_cuts
        return whole and self.host(one).alive and self.host(other).alive

    def host(self, number: int) -> Host:
        return self.hosts[number - 1]

    def server(self, number: int) -> Server:
        return self.host(number).server

    def numbered(self, name: str) -> int | None:
        number = int(name.rsplit("-", 1)[-1])
        return number if number <= len(self.hosts) else None

    def ask(self, asker: int, name: str, seconds: float) -> str | None:
        """GET /state, for a program on host `asker`."""
        kernel = self.kernel
        number = self.numbered(name)
        assert number is not None
        other = self.host(number)
        deadline = kernel.now + seconds
        kernel.wait(kernel.random.uniform(0.001, 0.01) if kernel.random.random() > 0.05 else kernel.random.uniform(0.05, 0.6))
        while kernel.now < deadline:
            if (asker, number) not in self.cuts and other.alive and other.frozen_until <= kernel.now:
                text = self.programs.state(other)
                if text is None:
                    return None
                # The answer may take its time, and what it says is then of before.
                kernel.wait(kernel.random.uniform(0.001, 0.01) if kernel.random.random() > 0.05 else kernel.random.uniform(0.05, 1.0))
                if (number, asker) in self.cuts or kernel.now > deadline:
                    break
                return text
            if not other.alive and (asker, number) not in self.cuts and kernel.random.random() < 0.5:
                return None
            kernel.wait(0.1)
        if kernel.now < deadline:
            kernel.wait(deadline - kernel.now)
        return None

    # Clients

    def client(self, host: Host) -> None:
        server = host.server
        if not server.open or len(server.waiting) > 3:
            return
        mine: list[Gtids] = []

        def done(acknowledged: bool) -> None:
            if acknowledged:
                self.acknowledged(host, mine[0])

        server.write(done, mine.append)

    def acknowledged(self, host: Host, gtid: Gtids) -> None:
        self.acks += 1
        self.last_ack = self.kernel.now
        latest = self.latest
        if latest is not None and latest is not host and not gtid <= latest.server.everything | latest.server.binlog:
            if self.forced:
                # The operator's word was that this one is gone.
                return
            raise Broken(f"{host.name} acknowledges {gtid} while {latest.name} is the primary and lacks it")
        self.ledger |= gtid

    # Openings

    def opening(self, server: Server) -> None:
        # Now, and not when it is done: what reaches the disk meanwhile is the next look's, and nobody else opens before that promised it.
        self.programs.check(self.host(server.number))

    def opened(self, server: Server) -> None:
        host = self.host(server.number)
        self.say(f"{host.name} opens")
        missing = self.ledger - server.executed
        # Accounts and the like are nobody's acknowledged write.
        if missing:
            named = [pointer for pointer in self.pointers if pointer.force and [pointer.epoch, pointer.nonce] == self.programs.opened_by(host)]
            if not named:
                raise Broken(f"{host.name} opens without {missing}, which was acknowledged")
            for other in self.hosts:
                since = self.reach_since.get((host.number, other.number), self.kernel.now)
                if other is host or self.kernel.now - since < SETTLED or other.fence or not other.server.up:
                    continue
                known = other.held[0][1] if other.held else Gtids()
                kept = missing - (missing - known) - (missing - other.server.everything)
                if kept:
                    raise Broken(f"{host.name} opens by force without {kept}, which {other.name} holds, who is there")
            self.say(f"an operator's word gives up {missing}")
            self.ledger = self.ledger - missing
        if self.latest is not host:
            others = [other.name for other in self.hosts if other is not host and other.server.open and not other.server.hangs]
            self.forced = any(pointer.force for pointer in self.pointers[-3:])
            if others and not self.forced:
                raise Broken(f"{host.name} opens while {', '.join(others)} is open")
        self.latest = host

    def closed(self, server: Server) -> None:
        self.say(f"db-{server.number} is closed")

    # The channel

    def publish(self, key: str, text: str) -> None:
        self.channel[key] = text
        self.changes += 1

    def inventory(self) -> None:
        for host in self.hosts:
            entry = {
                "version": 2,
                "machine": f"m-{host.name}",
                "name": host.name,
                "roles": ["database"],
                "address": f"10.0.0.{host.number}",
                "standby": False,
            }
            self.publish(f"inventory/m-{host.name}.json", json.dumps(entry))
        self.publish("inventory/m-web-1.json", json.dumps({"machine": "m-web-1", "name": "web-1", "roles": ["webServer"], "address": "10.0.0.101"}))

    def point(self, pointed: Pointed, previous: Pointed | None) -> None:
        self.pointers.append(pointed)
        self.pointed = pointed
        self.publish("pointers/primary.json", self.programs.pointer(pointed, previous))
        self.say(f"pointer {pointed.epoch}/{pointed.nonce}: {pointed.primary}{' by force' if pointed.force else ''}")

    # Looking on

    def say(self, text: str) -> None:
        self.log.append(f"{self.kernel.now:8.3f} {text}")

    def look(self) -> None:
        """What holds at every moment."""
        now = self.kernel.now
        for one in self.hosts:
            for other in self.hosts:
                key = (one.number, other.number)
                if self.reaches(*key) and one.responsive and other.responsive:
                    self.reach_since.setdefault(key, now)
                else:
                    self.reach_since.pop(key, None)
            one.held = (*(held for held in one.held if held[0] > now - KNOWN), (now, one.server.everything))
            late = one.responsive and bool(one.tasks) and one.server.open and self.programs.superseded(one)
            one.late_since = (one.late_since if one.late_since is not None else now) if late else None
            if one.late_since is not None and now - one.late_since > CLOSES:
                raise Broken(f"{one.name} is open {CLOSES:.0f} s after its copy of the channel named another host")
            fence = self.programs.fence(one)
            if one.fence and not fence:
                self.say(f"{one.name} is no longer fenced")
                primary = self.latest
                lacking = one.server.executed - (primary.server.executed | primary.server.binlog) if primary else Gtids()
                if primary is not one and lacking:
                    raise Broken(f"{one.name} drops its fence, though {primary.name if primary else 'nobody'} lacks {lacking}")
                if primary is one and self.ledger - one.server.executed:
                    raise Broken(f"{one.name} drops its fence to lead, and lacks {self.ledger - one.server.executed}")
            elif fence and not one.fence:
                self.say(f"{one.name} is fenced: {fence}")
            one.fence = fence
