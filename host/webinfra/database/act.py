"""Does what was decided. Each action is small, and may fail: then everything is looked at again."""

from dataclasses import replace
from typing import Protocol

from webinfra import places
from webinfra.clock import Clock
from webinfra.files import Files
from webinfra.outside import Failed
from webinfra.protocol import PrimaryPointer

from . import clone
from .model import (
    Accounts,
    Acknowledge,
    Action,
    Apply,
    Clone,
    Close,
    Follow,
    Found,
    Isolate,
    Kill,
    Leave,
    Memory,
    Open,
    Promise,
    Pull,
    Release,
)
from .mysql import Connect, Connection, MySQLFailed
from .observe import Settings, pointer_of, remember

# Seconds. Of a statement; of one that may wait for a replica's acknowledgement, while nobody looks at the pointer; of the wait for commits that hold
# up closing, which is tried again; and how old the look may be by which a server opens.
STATEMENT, ACCOUNTS, CLOSING, OLD = 10.0, 3.0, 1, 2.0


class Wait(Failed):
    """Not now: everything is looked at again."""


class Host(Protocol):
    """What the program may do to its host besides statements."""

    def kill_mysql(self) -> None: ...

    def say(self, words: str) -> None: ...


class Hands:
    """Acts on this host's server."""

    def __init__(self, settings: Settings, connect: Connect, files: Files, clock: Clock, host: Host) -> None:
        self._settings, self._connect, self._files, self._clock, self._host = settings, connect, files, clock, host

    def do(self, action: Action, memory: Memory, looked: float) -> Memory:
        """Returns what is to be remembered afterwards."""
        match action:
            case Promise():
                remember(self._files, memory)
            case Close():
                self._close()
            case Kill(why):
                self._host.say(f"MySQL is killed: {why}")
                self._host.kill_mysql()
            case Acknowledge(wanted):
                self._run(f"set global rpl_semi_sync_source_enabled={'ON' if wanted else 'OFF'}")
            case Found(epoch):
                self._found()
                memory = replace(memory, opened=epoch, accounts=epoch)
                remember(self._files, memory)
                self._host.say("the site's accounts are made")
            case Open(pointer):
                memory = self._open(pointer, memory, looked)
            case Accounts(epoch):
                self._accounts()
                memory = replace(memory, accounts=epoch)
            case Apply():
                self._run("start replica sql_thread")
            case Follow(host):
                self._follow(host)
            case Leave():
                self._run("stop replica", "reset replica all")
            case Clone(host):
                self._host.say(f"cloning {host}")
                clone.clone(self._connect, self._clock, f"{host}.{self._settings.zone}", self._secret("replication-password"))
                self._host.say("cloned")
            case Isolate(fence):
                remember(self._files, memory)
                self._host.say(f"fenced: {fence.words}")
                self._run("stop replica")
            case Release():
                remember(self._files, memory)
                self._files.remove(places.OLD_FENCE)
                self._host.say("no longer fenced: the primary has all that this server has")
            case Pull():
                self._files.write(places.PULL, "")
        return memory

    def _secret(self, name: str) -> str:
        return (self._files.read(f"{places.SECRETS}/{name}") or "").strip()

    def _run(self, *statements: str) -> None:
        connection = self._connect(STATEMENT)
        try:
            for statement in statements:
                connection.rows(statement)
        finally:
            connection.close()

    def _close(self) -> None:
        connection = self._connect(CLOSING + 1.0)
        try:
            # A commit that waits for a replica's acknowledgement would hold this up for ever.
            connection.rows(f"set session lock_wait_timeout={CLOSING}")
            connection.rows("set global super_read_only=ON")
        finally:
            connection.close()
        self._host.say("closed for writes")

    def _open(self, pointer: PrimaryPointer, memory: Memory, looked: float) -> Memory:
        connection = self._connect(STATEMENT)
        try:
            # On the disk first: a server that was open must know it.
            memory = replace(memory, opened=pointer.epoch, closed=False)
            remember(self._files, memory)
            # Once more, as late as can be.
            if pointer_of(self._files) != pointer:
                raise Wait("the primary pointer has changed meanwhile")
            if self._clock.now() - looked > OLD:
                raise Wait("the look by which this server would open is too old by now")
            try:
                connection.rows("set global read_only=OFF")
            except MySQLFailed as failure:
                # It may still be done, whatever is decided next.
                self._host.say(f"MySQL is killed: it did not say whether it opened: {failure}")
                self._host.kill_mysql()
                raise
        finally:
            connection.close()
        self._host.say(f"open for writes by pointer {pointer.epoch.number}")
        return memory

    def _found(self) -> None:
        connection = self._connect(STATEMENT)
        try:
            # What keeps clients out is `read_only`, which does not hold for this connection.
            connection.rows("set global super_read_only=OFF")
            # Not logged: no replica could acknowledge the account that it will come with. Replicas get the accounts with the clone.
            connection.rows("set session sql_log_bin=0")
            connection.rows("alter user root@localhost identified with auth_socket")
            self._write_accounts(connection)
            connection.rows("set global super_read_only=ON")
        finally:
            connection.close()

    def _accounts(self) -> None:
        connection = self._connect(ACCOUNTS)
        try:
            self._write_accounts(connection)
        finally:
            connection.close()

    def _write_accounts(self, connection: Connection) -> None:
        """The least that each account needs."""
        database = self._settings.database
        monitored = (
            "replication_connection_status",
            "replication_applier_status",
            "replication_applier_status_by_worker",
            "replication_applier_status_by_coordinator",
        )
        connection.rows(f"create database if not exists `{database}` character set utf8mb4")

        def user(name: str, password: str) -> None:
            connection.rows("create user if not exists %s@'%%' identified by %s require ssl", (name, password))
            connection.rows("alter user %s@'%%' identified by %s require ssl", (name, password))

        user("app", self._secret("app-password"))
        connection.rows(f"grant select, insert, update, delete, create, alter, drop, index, references on `{database}`.* to 'app'@'%'")
        connection.rows("create user if not exists 'webinfra'@'localhost' identified with auth_socket")
        for table in monitored:
            connection.rows(f"grant select on performance_schema.{table} to 'webinfra'@'localhost'")
            if table != "replication_applier_status":
                connection.rows(f"grant select on performance_schema.{table} to 'app'@'%'")
        # Last: a server without this may be overwritten, and one with it may be cloned.
        user("repl", self._secret("replication-password"))
        connection.rows("grant replication slave, backup_admin on *.* to 'repl'@'%'")

    def _follow(self, host: str) -> None:
        connection = self._connect(STATEMENT)
        try:
            connection.rows("stop replica")
            connection.rows(
                """change replication source to source_host=%s, source_port=3306, source_user='repl', source_password=%s, source_auto_position=1,
                   source_ssl=1, source_ssl_ca=%s, source_ssl_verify_server_cert=1, source_connect_retry=2, source_retry_count=4294967295,
                   source_heartbeat_period=1""",
                (f"{host}.{self._settings.zone}", self._secret("replication-password"), places.CA),
            )
            connection.rows("start replica")
        finally:
            connection.close()
        self._host.say(f"following {host}")
