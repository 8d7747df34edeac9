"""Transactions of exports over either driver, and SQL's identifiers and constants.

Works with connections of psycopg 3 and psycopg2, however they were made: row factories, cursor classes, encodings and
autocommit of a connection do not matter. Nothing here imports either driver before it has seen its connection.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.transaction_settings import check_arrived, settings_for
from billing_aggregator.postgres.drivers import in_utf8, interruptible, is_usable, tuple_cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from billing_aggregator.postgres.protocols import Connection, Cursor

#: Looks, by a transaction's cursor, at the tables that it has read so far; raises an error to refuse them.
CheckTables: TypeAlias = "Callable[[Cursor], None]"
#: Table or schema.
MISSING = ("42P01", "3F000")


def server_version(connection: Connection) -> int:
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
def transaction(
    connection: Connection, *, statement_timeout: float, write: bool = False, own_path: bool = False
) -> Iterator[Cursor]:
    """Open a transaction whose settings are ours and yield its cursor, which returns rows as tuples.

    A reading transaction keeps one snapshot (repeatable read, read only), which it takes at the caller's first query,
    so that a ``LOCK TABLE`` comes before it; it is rolled back at the end. A writing one is committed (read
    committed: each statement sees what is there after it got its locks). An error rolls back.

    :param statement_timeout: seconds for each statement; 0 means none.
    :param own_path: names without a schema are looked for as the connection says, and not in the system catalogue.
    :raises TerminalExportError: a setting did not arrive.
    """
    connection.rollback()
    settings = settings_for(server_version(connection)) | ({} if own_path else {"search_path": "pg_catalog"})
    mode = "read committed, read write" if write else "repeatable read, read only"
    begin = [f"set transaction isolation level {mode}, not deferrable"]
    begin += [f"set local {name} = {quote_value(name, value)}" for name, value in settings.items()]
    begin += [f"set local statement_timeout = {round(statement_timeout * 1000)}"]
    with _plain(connection):
        try:
            with interruptible(connection):
                with tuple_cursor(connection) as cursor:
                    cursor.execute("; ".join(begin))
                    check_arrived(cursor, settings)
                    yield cursor
                if write:
                    connection.commit()
                else:
                    connection.rollback()
        except BaseException:
            _give_up(connection)
            raise


@dataclass(frozen=True)
class GuardedConnection:
    """A connection for the transactions that read an export's tables: each ends with a look at what it has read.

    :param timeout: seconds for each statement; 0 means none.
    :param check_tables: refuses the tables by an error; None takes any.
    """

    connection: Connection
    timeout: float
    check_tables: CheckTables | None = None

    @contextmanager
    def transaction(self, *, write: bool = False, own_path: bool = False) -> Iterator[Cursor]:
        """Open a :func:`transaction`; its tables are checked at its end, before anything is committed."""
        with transaction(self.connection, statement_timeout=self.timeout, write=write, own_path=own_path) as cursor:
            yield cursor
            if self.check_tables is not None:
                self.check_tables(cursor)


def quote_value(name: str, value: str) -> str:
    """Return a setting's value as SQL: lists of names and styles are several words."""
    return value if name in {"datestyle", "search_path"} else quote_literal(value)


@contextmanager
def _plain(connection: Connection) -> Iterator[None]:
    """Take from *connection* what its maker chose, and give it back: autocommit, and psycopg2's idea of an encoding."""
    autocommit = connection.autocommit
    if autocommit:
        connection.autocommit = False
    try:
        with in_utf8(connection):
            yield
    finally:
        if autocommit and not connection.closed:
            with suppress(Exception):  # an error before this one is the one to report
                connection.autocommit = True


def fetch_one(cursor: Cursor, statement: str, values: Sequence[Any] = ()) -> Any:
    """Run *statement* and return its first row, or None."""
    cursor.execute(statement, values or None)
    return cursor.fetchone()


def fetch_all(cursor: Cursor, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run *statement* and return its rows."""
    cursor.execute(statement, values or None)
    return list(cursor.fetchall())


def cancel(connection: Connection) -> None:
    """Ask the server to end what *connection* runs; safe from a signal handler or another thread."""
    if not connection.closed:
        connection.cancel()


def _give_up(connection: Connection) -> None:
    """Roll back; a connection that is in the middle of a COPY or broken is closed instead."""
    try:
        if is_usable(connection):
            connection.rollback()
        else:
            connection.close()
    except Exception:
        # The first error is the one to report.
        connection.close()


def is_missing_relation(error: BaseException) -> bool:
    """Tell whether *error* is the driver's error for a relation, or its schema, that does not exist."""
    return sqlstate(error) in MISSING
