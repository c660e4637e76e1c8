"""What this host's MySQL server says of itself."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from webinfra.outside import Failed, Slow

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import DictCursor

SOCKET: Final = "/run/mysqld/mysqld.sock"
_TOO_MANY_CONNECTIONS: Final = 1040
STATEMENT: Final = """select @@global.read_only ro, @@global.super_read_only sro, replace(@@global.gtid_executed, char(10), '') executed,
 (select replace(received_transaction_set, char(10), '') from performance_schema.replication_connection_status where channel_name='') received,
 (select service_state from performance_schema.replication_connection_status where channel_name='') io,
 (select service_state from performance_schema.replication_applier_status where channel_name='') applier"""


@dataclass(frozen=True)
class Look:
    read_only: bool
    super_read_only: bool
    executed: str
    received: str
    # Whether transactions come in, and whether they are applied.
    receiving: bool
    applying: bool


class MySQL(Protocol):
    def look(self) -> Look | None:
        """None: its client is not installed yet. Slow when it does not answer within a second, Failed when it is not there."""
        ...


class LocalMySQL:
    """One connection, kept while it works."""

    def __init__(self) -> None:
        self._connection: Connection[DictCursor] | None = None

    def look(self) -> Look | None:
        try:
            # Comes with the host's packages, which are not there when the agent starts.
            import pymysql  # noqa: PLC0415
            from pymysql.cursors import DictCursor  # noqa: PLC0415
        except ImportError:
            return None
        try:
            if self._connection is None:
                self._connection = pymysql.connect(
                    unix_socket=SOCKET,
                    user="webinfra",
                    connect_timeout=1,
                    read_timeout=1,
                    write_timeout=1,
                    autocommit=True,
                    cursorclass=DictCursor,
                )
            with self._connection.cursor() as cursor:
                cursor.execute(STATEMENT)
                row = cursor.fetchone() or {}
        except (OSError, pymysql.MySQLError) as error:
            self._drop()
            busy = "timed out" in str(error) or error.args[:1] == (_TOO_MANY_CONNECTIONS,)
            raise (Slow if busy else Failed)(str(error)[:200]) from error
        return Look(
            read_only=row.get("ro") == 1,
            super_read_only=row.get("sro") == 1,
            executed=str(row.get("executed") or ""),
            received=str(row.get("received") or ""),
            receiving=row.get("io") == "ON",
            applying=row.get("applier") == "ON",
        )

    def _drop(self) -> None:
        """What was asked may still be answered, to the next question: another connection has to ask that."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
