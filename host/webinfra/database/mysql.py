"""Statements to MySQL: how a server is asked, and how it is changed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from webinfra.outside import Failed

if TYPE_CHECKING:
    from pymysql.connections import Connection as Connected

SOCKET: Final = "/run/mysqld/mysqld.sock"
# MySQL's numbers for "nothing listens there".
_NOBODY: Final = (2002, 2003)
# For "gone away" and "lost during query".
_ENDED: Final = (2006, 2013)

Row = Mapping[str, object]


class MySQLFailed(Failed):
    """What MySQL, or its client, says of a statement that failed. Never the statement: statements hold passwords."""

    def __init__(self, number: int | None, words: str) -> None:
        super().__init__(f"{words} ({number})" if number else words)
        self.number = number
        # A connection that is made and says nothing ends in a time-out instead.
        self.refused = number in _NOBODY and "timed out" not in words
        # The connection was ended from the other side.
        self.ended = number in _ENDED and "timed out" not in words
        # The server's own errors, and not those of the client, which are in the two thousands.
        self.answered = number is not None and not 2000 <= number < 3000


class Connection(Protocol):
    def rows(self, statement: str, arguments: Sequence[object] = ()) -> Sequence[Row]:
        """What a statement gives; MySQLFailed when it fails."""
        ...

    def close(self) -> None: ...


class Connect(Protocol):
    def __call__(self, seconds: float) -> Connection:
        """Connects as root; `seconds` is what a statement may take. MySQLFailed when it cannot."""
        ...


class Local:
    """A connection to this host's own server."""

    def __init__(self, seconds: float) -> None:
        # Comes with the host's packages.
        import pymysql  # noqa: PLC0415
        from pymysql.cursors import DictCursor  # noqa: PLC0415

        self._errors = (pymysql.MySQLError, OSError)
        try:
            self._connection: Connected[DictCursor] = pymysql.connect(
                unix_socket=SOCKET,
                user="root",
                connect_timeout=2,
                read_timeout=seconds,
                write_timeout=seconds,
                autocommit=True,
                cursorclass=DictCursor,
            )
        except self._errors as error:
            raise _failed(error) from error

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> Sequence[Row]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall()
        except self._errors as error:
            raise _failed(error) from error

    def close(self) -> None:
        self._connection.close()


class Kept:
    """One connection, kept while it works: to make a new one costs MySQL more than what it is asked at each look."""

    def __init__(self, connect: Connect, seconds: float) -> None:
        self._connect, self._seconds = connect, seconds
        self._connection: Connection | None = None

    def rows(self, statement: str) -> Sequence[Row]:
        """What a statement gives; MySQLFailed when it fails on a connection that was just made, or not in time."""
        kept, self._connection = self._connection, None
        if kept is not None:
            try:
                return self._ask(kept, statement)
            except MySQLFailed as failure:
                # A server that started anew has ended it: that says nothing of now.
                if not failure.ended:
                    raise
        return self._ask(self._connect(self._seconds), statement)

    def _ask(self, connection: Connection, statement: str) -> Sequence[Row]:
        try:
            rows = connection.rows(statement)
        except MySQLFailed:
            # What was asked may still be answered, to the next question.
            connection.close()
            raise
        self._connection = connection
        return rows


def _failed(error: BaseException) -> MySQLFailed:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    return MySQLFailed(number, str(error.args[1]) if number and len(error.args) > 1 else str(error))


# `super_read_only` is looked at before what was executed: what a closed server has does not change any more.
LOOK: Final = """select @@global.read_only as read_only, @@global.super_read_only as super_read_only, @@global.gtid_executed as executed,
 @@global.server_uuid as uuid, @@global.rpl_semi_sync_source_enabled as acknowledged,
 (select count(*) from mysql.user where user='repl' and repl_slave_priv='Y') as accounts,
 (select host from performance_schema.replication_connection_configuration where channel_name='') as source,
 (select received_transaction_set from performance_schema.replication_connection_status where channel_name='') as received,
 (select service_state from performance_schema.replication_connection_status where channel_name='') as receiving,
 (select service_state from performance_schema.replication_applier_status where channel_name='') as applying,
 (select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_clients') as acknowledgers,
 (select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_wait_sessions') as waiting"""

_TROUBLED = ("replication_connection_status", "replication_applier_status_by_coordinator", "replication_applier_status_by_worker")
TROUBLE: Final = " union all ".join(
    f"select last_error_message as words from performance_schema.{table} where channel_name='' and last_error_message<>''"  # noqa: S608
    for table in _TROUBLED
)
