"""Statements to MySQL: how a server is asked, and how it is changed."""

from collections.abc import Mapping, Sequence
from typing import Protocol

Row = Mapping[str, object]


class Cursor(Protocol):
    def execute(self, query: str, args: Sequence[object] | None = None) -> object: ...

    def fetchall(self) -> Sequence[Row]: ...


class Connection(Protocol):
    def cursor(self) -> Cursor:
        """Rows come as mappings by column."""
        ...

    def close(self) -> None: ...


class Connect(Protocol):
    def __call__(self, seconds: float) -> Connection:
        """Connects as root; `seconds` is what a statement may take."""
        ...


def rows(connection: Connection, statement: str, arguments: Sequence[object] | None = None) -> Sequence[Row]:
    cursor = connection.cursor()
    cursor.execute(statement, arguments)
    return cursor.fetchall()


def local(seconds: float) -> Connection:
    """This host's own server."""
    # Comes with the host's packages.
    import pymysql

    connection: Connection = Typed(pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock",
        user="root",
        connect_timeout=2,
        read_timeout=seconds,
        write_timeout=seconds,
        autocommit=True,
        cursorclass=pymysql.cursors.DictCursor,
    )


# `super_read_only` is looked at before what was executed: what a closed server has does not change any more.
LOOK = """select @@global.read_only as read_only, @@global.super_read_only as super_read_only, @@global.gtid_executed as executed,
 @@global.server_uuid as uuid, @@global.rpl_semi_sync_source_enabled as acknowledged,
 (select count(*) from mysql.user where user='repl' and repl_slave_priv='Y') as accounts,
 (select host from performance_schema.replication_connection_configuration where channel_name='') as source,
 (select received_transaction_set from performance_schema.replication_connection_status where channel_name='') as received,
 (select service_state from performance_schema.replication_connection_status where channel_name='') as receiving,
 (select service_state from performance_schema.replication_applier_status where channel_name='') as applying,
 (select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_clients') as acknowledgers,
 (select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_wait_sessions') as waiting"""

TROUBLE = """select last_error_message as words from performance_schema.replication_connection_status where channel_name='' and last_error_message<>''
 union all select last_error_message from performance_schema.replication_applier_status_by_coordinator where channel_name='' and last_error_message<>''
 union all select last_error_message from performance_schema.replication_applier_status_by_worker where channel_name='' and last_error_message<>''"""
