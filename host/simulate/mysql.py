"""MySQL servers as far as the database program can tell them from real ones, and connections to them.

Known of the real ones (tried, docs/architecture.md): a commit that waits for an acknowledgement is in the binary log, holds up
`super_read_only=ON` and a clone, and is committed by crash recovery; what a replica received and had not applied is gone after a restart
(`relay_log_recovery=ON`); `stop replica` waits for the try to connect that is under way, seconds when packets are lost; a statement whose client
gave up may still be done later.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from webinfra.database.mysql import MySQLFailed

from .gtids import Gtids, parse, uuid_of
from .kernel import Kernel, Place

Row = dict[str, object]
OPENS = "set global read_only=OFF"
# Seconds: replica_net_timeout, semi-synchronous time-out of `prefer`, a restart by systemd, and the time that a clone takes.
NET_TIMEOUT, PREFER_SECONDS = 5.0, 1.0


class Network(Protocol):
    """What a server sees of the others."""

    def reaches(self, one: int, other: int) -> bool:
        """Whether MySQL's packets go both ways."""
        ...

    def server(self, number: int) -> "Server": ...

    def numbered(self, name: str) -> int | None: ...

    def opening(self, server: "Server") -> None:
        """The statement that opens it is sent, and may take its time."""
        ...

    def opened(self, server: "Server") -> None: ...

    def closed(self, server: "Server") -> None: ...


class Waiting:
    def __init__(self, gtid: Gtids, until: float | None, done: Callable[[bool], object]) -> None:
        self.gtid, self.until, self.done = gtid, until, done


class Server:
    """One mysqld and its data."""

    def __init__(self, kernel: Kernel, network: Network, place: Place, number: int, require: bool) -> None:
        self.kernel, self.network, self.place, self.number, self.require = kernel, network, place, number, require
        self.uuid = uuid_of(number)
        # On the disk:
        self.accounts = False
        self.executed, self.binlog = Gtids(), Gtids()
        self.source: int | None = None
        self.clone_state = ""
        # Of the process:
        self.up = False
        self.generation = 0
        self.stalled_until = 0.0
        self._start_clean()
        self.slow_until = 0.0

    def _start_clean(self) -> None:
        self.read_only = self.super_read_only = True
        self.semisync, self.asynchronous = False, False
        self.waiting: list[Waiting] = []
        self.locks = 0
        self.io, self.sql = "OFF", False
        self.io_wanted = False
        self.relay = Gtids()
        self.contact = -1e9

    # The process

    def start(self) -> None:
        if self.up:
            return
        self._start_clean()
        # Crash recovery commits what reached the binary log.
        self.executed |= self.binlog
        self.up, self.generation = True, self.generation + 1

    def kill(self) -> None:
        if self.up:
            self.up = False
            self.generation += 1
            for one in self.waiting:
                one.done(False)
            self.network.closed(self)
            self._start_clean()

    @property
    def hangs(self) -> bool:
        return self.place.frozen_until > self.kernel.now or self.stalled_until > self.kernel.now

    @property
    def open(self) -> bool:
        return self.up and not self.read_only and not self.super_read_only

    # Writes

    def write(self, done: Callable[[bool], object], number_of: Callable[[Gtids], object] = lambda gtid: None) -> bool:
        """Begins a transaction; False when it cannot."""
        if not self.up or self.hangs or self.locks:
            return False
        number = max(self.executed.highest(self.uuid), self.binlog.highest(self.uuid), 0) + 1
        gtid = Gtids.one(self.uuid, number)
        self.binlog |= gtid
        number_of(gtid)
        if self.semisync and not self.asynchronous:
            self.waiting.append(Waiting(gtid, None if self.require else self.kernel.now + PREFER_SECONDS, done))
        else:
            self.executed |= gtid
            done(True)
        return True

    def acknowledge(self, received: Gtids) -> None:
        """A replica has written these to its disk."""
        held = [one for one in self.waiting if one.gtid <= received]
        self.waiting = [one for one in self.waiting if not one.gtid <= received]
        for one in held:
            self.executed |= one.gtid
            one.done(True)
        if self.binlog <= received:
            self.asynchronous = False

    def tick(self) -> None:
        """What goes on by itself: time-outs, receiving, applying."""
        if not self.up or self.hangs:
            return
        late = [one for one in self.waiting if one.until is not None and one.until <= self.kernel.now]
        if late:
            self.asynchronous = True
            done, self.waiting = self.waiting, []
            for one in done:
                self.executed |= one.gtid
                one.done(True)
        self._receive()
        if self.sql and self.relay and (self.slow_until <= self.kernel.now or self.kernel.random.random() < 0.1):
            some = self.relay.first(self.kernel.random.randint(1, 6))
            self.executed |= some
            self.relay = self.relay - some

    def _receive(self) -> None:
        if not self.io_wanted or self.source is None:
            return
        source = self.network.server(self.source)
        if source.up and not source.hangs and source.accounts and self.network.reaches(self.number, self.source):
            self.io, self.contact = "ON", self.kernel.now
            self.relay |= (source.binlog | source.executed) - self.executed - self.relay
            source.acknowledge(self.everything)
        elif not source.up or self.kernel.now - self.contact > NET_TIMEOUT:
            self.io = "CONNECTING"

    def clients(self) -> int:
        """Replicas that would acknowledge."""
        others = (self.network.server(number) for number in range(1, 6) if number != self.number and self.network.numbered(f"db-{number}"))
        return sum(other.up and other.io == "ON" and other.source == self.number for other in others)

    @property
    def everything(self) -> Gtids:
        """What it has, or will have when it has applied it."""
        return self.executed | self.relay

    @property
    def received(self) -> Gtids:
        return self.everything if self.source is not None else Gtids()


def lost(how: str = "") -> MySQLFailed:
    return MySQLFailed(2013, f"Lost connection to MySQL server during query{how}")


class Connection:
    """A connection of a program on host `home` to a server."""

    def __init__(self, server: Server, home: int, read_timeout: float, connect_timeout: float = 3) -> None:
        self.server, self.home, self.read_timeout = server, home, read_timeout
        self.kernel = server.kernel
        self.kernel.wait(self.kernel.random.uniform(0.0005, 0.003))
        self.lock_wait = 50.0
        self.logged = True
        self._ready(connect_timeout, lambda: None)
        self.generation = server.generation

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        return self.run(statement, list(arguments))

    def close(self) -> None:
        pass

    def _reachable(self) -> bool:
        return self.home == self.server.number or self.server.network.reaches(self.home, self.server.number)

    def _ready(self, patience: float, given_up: Callable[[], object]) -> None:
        deadline = self.kernel.now + patience
        while True:
            if not self._reachable():
                if self.kernel.now >= deadline:
                    raise MySQLFailed(2003, "cannot connect (timed out)")
            elif not self.server.up:
                raise MySQLFailed(2003, "connection refused")
            elif not self.server.hangs:
                return
            elif self.kernel.now >= deadline:
                given_up()
                raise lost(" (timed out)")
            self.kernel.wait(min(0.05, max(0.001, deadline - self.kernel.now)))

    def run(self, statement: str, arguments: list[object]) -> list[Row]:
        text = squeezed(statement)
        random = self.kernel.random
        if text == OPENS:
            self.server.network.opening(self.server)
        self.kernel.wait(random.uniform(0.0005, 0.004) if random.random() > 0.02 else random.uniform(0.05, 0.4))
        server, generation = self.server, self.generation

        def later() -> None:
            """The client gave up, and the server never heard of that."""
            if server.generation == generation and server.up:
                if server.hangs:
                    self.kernel.after(0.1, later)
                elif text.startswith("set global"):
                    Statements(self).set_global(text.removeprefix("set global "), wait=False)

        if server.generation != generation:
            raise lost()
        self._ready(self.read_timeout, later)
        if server.generation != generation:
            raise lost()
        return Statements(self).run(text, arguments)

    def wait(self, seconds: float) -> None:
        self.kernel.wait(seconds)
        if self.server.generation != self.generation:
            raise lost()


@functools.lru_cache(maxsize=512)
def squeezed(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).strip()


@functools.lru_cache(maxsize=512)
def understood(text: str) -> "tuple[Handler, Sequence[str]]":
    for pattern, handler in HANDLERS.items():
        found = re.fullmatch(pattern, text)
        if found:
            return handler, found.groups()
    raise AssertionError(f"the simulator does not know this statement: {text}")


Handler = Callable[["Statements", Sequence[str], list[object]], list[Row]]


class Statements:
    """What the program's statements do. One that is not known here is an error of the simulator."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.server = connection, connection.server

    def run(self, text: str, arguments: list[object]) -> list[Row]:
        handler, groups = understood(text)
        return handler(self, groups, arguments)

    def expression(self, text: str, arguments: list[object]) -> object:
        server = self.server
        executed = "replace(@@global.gtid_executed, char(10), '')"
        received = "(select received_transaction_set from performance_schema.replication_connection_status where channel_name='')"
        plain: Mapping[str, Callable[[], object]] = {
            "@@global.super_read_only": lambda: int(server.super_read_only),
            "@@global.read_only": lambda: int(server.read_only),
            "@@global.rpl_semi_sync_source_enabled": lambda: int(server.semisync),
            executed: lambda: str(server.executed),
            "gtid_subtract(%s, @@global.gtid_executed)": lambda: str(parse(str(arguments[0])) - server.executed),
            "gtid_subtract(%s, %s)": lambda: str(parse(str(arguments[0])) - parse(str(arguments[1]))),
            f"gtid_subtract({received}, @@global.gtid_executed)": lambda: str(server.received - server.executed),
            "(select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_clients')": lambda: str(
                server.clients() if server.semisync else 0
            ),
        }
        if text not in plain:
            raise AssertionError(f"the simulator does not know this expression: {text}")
        return plain[text]()

    def picture(self) -> list[Row]:
        """The row that agents ask for."""
        server = self.server
        now = server.kernel.now
        return [
            {
                "ro": int(server.read_only),
                "sro": int(server.super_read_only),
                "executed": str(server.executed),
                "received": str(server.received),
                "io": server.io if server.source is not None else None,
                "contact": now - server.contact,
                "applier": "ON" if server.sql else "OFF",
                "applying": 0.0,
                "coordinating": 0.0,
            }
        ]

    def look(self) -> list[Row]:
        """What the database program asks for at every turn."""
        server = self.server
        following = server.source is not None
        return [
            {
                "read_only": int(server.read_only),
                "super_read_only": int(server.super_read_only),
                "executed": str(server.executed),
                "uuid": server.uuid,
                "acknowledged": int(server.semisync),
                "accounts": int(server.accounts),
                "source": f"db-{server.source}.z.internal" if following else None,
                "received": str(server.received) if following else None,
                "receiving": server.io if following else None,
                "applying": ("ON" if server.sql else "OFF") if following else None,
                "acknowledgers": str(server.clients() if server.semisync else 0),
                "waiting": str(len(server.waiting)),
            }
        ]

    def set_global(self, text: str, wait: bool = True) -> list[Row]:
        server = self.server
        if text == "super_read_only=ON":
            server.locks += 1
            generation = server.generation
            try:
                deadline = server.kernel.now + min(self.connection.lock_wait, self.connection.read_timeout)
                while server.waiting and server.generation == generation:
                    if not wait or server.kernel.now >= deadline:
                        raise MySQLFailed(1205, "Lock wait timeout exceeded; try restarting transaction")
                    self.connection.wait(0.05)
            finally:
                if server.generation == generation:
                    server.locks -= 1
            was = server.open
            server.read_only = server.super_read_only = True
            if was:
                server.network.closed(server)
        elif text == "super_read_only=OFF":
            server.super_read_only = False
            if server.open:
                server.network.opened(server)
        elif text == "read_only=OFF":
            server.read_only = server.super_read_only = False
            server.network.opened(server)
        elif found := re.fullmatch(r"rpl_semi_sync_source_enabled=(ON|OFF)", text):
            server.semisync = found[1] == "ON"
            if not server.semisync:
                # Switching it off answers those that wait.
                done, server.waiting = server.waiting, []
                for one in done:
                    server.executed |= one.gtid
                    one.done(True)
        elif text != "clone_valid_donor_list=%s":
            raise AssertionError(f"the simulator does not know this variable: {text}")
        return []

    def set_session(self, text: str) -> list[Row]:
        if found := re.fullmatch(r"lock_wait_timeout=(\d+)", text):
            self.connection.lock_wait = float(found[1])
        elif found := re.fullmatch(r"sql_log_bin=([01])", text):
            self.connection.logged = found[1] == "1"
        return []

    def account(self, replication: bool) -> list[Row]:
        """A statement of the accounts: a transaction of its own, where it is logged."""
        server = self.server
        if server.super_read_only:
            raise MySQLFailed(1290, "The MySQL server is running with the --super-read-only option")
        if replication:
            if self.connection.logged:
                outcome: list[bool] = []
                if not server.write(outcome.append):
                    raise MySQLFailed(1205, "Lock wait timeout exceeded")
                deadline = server.kernel.now + self.connection.read_timeout
                while not outcome:
                    if server.kernel.now > deadline:
                        raise lost()
                    self.connection.wait(0.05)
            server.accounts = True
        return []

    def start_replica(self, receive: bool) -> list[Row]:
        self.server.sql = True
        if receive:
            self.server.io_wanted, self.server.io, self.server.contact = True, "CONNECTING", self.server.kernel.now
        return []

    def stop_replica(self) -> list[Row]:
        server = self.server
        if server.io_wanted and server.io == "CONNECTING" and server.source is not None and not server.network.reaches(server.number, server.source):
            self.connection.wait(server.kernel.random.uniform(0, NET_TIMEOUT))
        server.io_wanted, server.io, server.sql = False, "OFF", False
        return []

    def reset_replica(self) -> list[Row]:
        self.server.source, self.server.relay = None, Gtids()
        return []

    def change_source(self, host: object) -> list[Row]:
        number = self.server.network.numbered(str(host).split(".")[0])
        if number is None or self.server.sql or self.server.io_wanted:
            raise MySQLFailed(3021, "This operation cannot be performed with a running replica")
        # Throws away what was received and not applied.
        self.server.source, self.server.relay = number, Gtids()
        return []

    def clone(self, host: object) -> list[Row]:
        server, random = self.server, self.server.kernel.random
        number = server.network.numbered(str(host).split(".")[0])
        assert number is not None
        donor = server.network.server(number)
        ends = server.kernel.now + random.uniform(1, 4)
        server.clone_state = "In Progress"
        while server.kernel.now < ends or donor.waiting:
            if not donor.up or not donor.accounts or donor.stalled_until > server.kernel.now or not server.network.reaches(server.number, number):
                server.clone_state = "Failed"
                raise MySQLFailed(3862, "Clone Donor Error")
            self.connection.wait(0.1)
            if server.kernel.now > ends + 60:
                server.clone_state = "Failed"
                raise MySQLFailed(3862, "Clone Donor Error: the donor's commits wait")
        server.executed, server.binlog, server.accounts = donor.executed, Gtids(), donor.accounts
        server.source, server.clone_state = None, "Completed"
        server.kill()
        raise lost()


HANDLERS: Mapping[str, Handler] = {
    r"select @@global\.read_only as read_only, .*": lambda s, g, a: s.look(),
    r"select @@global\.read_only ro, @@global\.super_read_only sro, .*": lambda s, g, a: s.picture(),
    r"select (.+) as answer": lambda s, g, a: [{"answer": s.expression(g[0], a)}],
    r"select host from performance_schema\.replication_connection_configuration where channel_name=''": lambda s, g, a: (
        [] if s.server.source is None else [{"host": f"db-{s.server.source}.z.internal"}]
    ),
    r"select service_state from performance_schema\.replication_applier_status where channel_name=''": lambda s, g, a: [
        {"service_state": "ON" if s.server.sql else "OFF"}
    ],
    r"select service_state from performance_schema\.replication_connection_status where channel_name=''": lambda s, g, a: [
        {"service_state": s.server.io}
    ],
    r"select state, error_message from performance_schema\.clone_status": lambda s, g, a: (
        [{"state": s.server.clone_state, "error_message": "x"}] if s.server.clone_state else []
    ),
    r"select 1 from mysql\.user where user='repl' and repl_slave_priv='Y'": lambda s, g, a: [{"1": 1}] if s.server.accounts else [],
    r"select last_error_message as words from .*": lambda s, g, a: [],
    r"set global (.+)": lambda s, g, a: s.set_global(g[0]),
    r"set session (.+)": lambda s, g, a: s.set_session(g[0]),
    r"grant replication slave.*": lambda s, g, a: s.account(True),
    r"(create|alter|grant) .*": lambda s, g, a: s.account(False),
    r"start replica sql_thread": lambda s, g, a: s.start_replica(False),
    r"start replica": lambda s, g, a: s.start_replica(True),
    r"stop replica": lambda s, g, a: s.stop_replica(),
    r"reset replica all": lambda s, g, a: s.reset_replica(),
    r"change replication source to .*": lambda s, g, a: s.change_source(a[0]),
    r"clone instance from .*": lambda s, g, a: s.clone(a[0]),
}
