"""The small seam over both drivers: transactions for exports, values and identifiers.

Works with connections of psycopg 3 and psycopg2; nothing here imports either of them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from billing_aggregator.drivers import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What a CSV field looks like must not depend on the role, the database or the server's configuration.
OUTPUT_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    # A scan that joins another one in its middle would not follow the table's physical order.
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
    # A scan without expressions: there is nothing to compile.
    "jit": "off",
    "lc_monetary": "C",
}
CONNECTION_CHECK_VERSION = 150000


def server_version(connection: Any) -> int:
    """Return the server's version as libpq tells it, e.g. 150004."""
    info = connection.info
    return int(info.server_version)


def quote_ident(*names: str) -> str:
    """Return the quoted, qualified identifier: ``quote_ident("a", 'b"c')`` is ``"a"."b""c"``."""
    for name in names:
        if not name or "\0" in name:
            raise ValueError(f"{name!r} is no identifier")
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def quote_literal(value: str) -> str:
    """Return *value* as an SQL string constant, whatever ``standard_conforming_strings`` says."""
    if "\0" in value:
        raise ValueError("a string constant cannot hold the zero character")
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


@contextmanager
def transaction(connection: Any, *, statement_timeout: float, write: bool = False) -> Iterator[Any]:
    """Open a transaction whose output format is fixed and yield its cursor.

    A reading transaction keeps one snapshot (repeatable read, read only), which it takes at the caller's first query,
    so that a ``LOCK TABLE`` comes before it; it is rolled back at the end. A writing one is committed (read
    committed: each statement sees what is there after it got its locks). An error rolls back.

    :param statement_timeout: seconds for each statement; 0 means none.
    """
    connection.rollback()
    if connection.autocommit:
        connection.autocommit = False
    settings = OUTPUT_SETTINGS | {"statement_timeout": str(round(statement_timeout * 1000))}
    if server_version(connection) >= CONNECTION_CHECK_VERSION:
        # A task that was killed must not leave its query running.
        settings["client_connection_check_interval"] = "10s"
    mode = "read committed, read write" if write else "repeatable read, read only"
    begin = [f"set transaction isolation level {mode}"]
    begin += [f"set local {name} = {quote_literal(value)}" for name, value in settings.items()]
    try:
        with interruptible(connection):
            with connection.cursor() as cursor:
                cursor.execute("; ".join(begin))
                yield cursor
            if write:
                connection.commit()
            else:
                connection.rollback()
    except BaseException:
        _give_up(connection)
        raise


def fetch_one(cursor: Any, statement: str, values: Sequence[Any] = ()) -> Any:
    """Run *statement* and return its first row, or None."""
    cursor.execute(statement, values or None)
    return cursor.fetchone()


def fetch_all(cursor: Any, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run *statement* and return its rows."""
    cursor.execute(statement, values or None)
    return list(cursor.fetchall())


def cancel(connection: Any) -> None:
    """Ask the server to end what *connection* runs; safe from a signal handler or another thread."""
    if not connection.closed:
        connection.cancel()


def _give_up(connection: Any) -> None:
    """Roll back; a connection that is in the middle of a COPY or broken is closed instead."""
    pgconn = getattr(connection, "pgconn", None)
    busy = pgconn is not None and (pgconn.status != 0 or pgconn.transaction_status == 1)
    try:
        if busy:
            connection.close()
        else:
            connection.rollback()
    except Exception:
        # The first error is the one to report.
        connection.close()


def is_missing_relation(error: BaseException) -> bool:
    """Tell whether *error* is the driver's error for a relation that does not exist."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state == "42P01"
