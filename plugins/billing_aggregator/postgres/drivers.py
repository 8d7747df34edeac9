"""What only one of the two drivers has or does: notices, encodings, COPY, interruptible waits, columns' origins.

Nothing here imports a driver before it has seen a connection of it.
"""

from __future__ import annotations

import select
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    import psycopg2.extensions

    from billing_aggregator.postgres.protocols import Connection, Cursor

#: psycopg2's names of the encoding.
UTF8 = ("UTF8", "UNICODE")


def is_psycopg3(connection: Connection) -> TypeGuard[psycopg.Connection[Any]]:
    """Return whether *connection* is of psycopg 3 (else of psycopg2)."""
    return hasattr(connection, "pgconn")


def psycopg2_connection(connection: Connection) -> psycopg2.extensions.connection:
    """Return *connection* with psycopg2's own type; to be asked behind :func:`is_psycopg3`."""
    return cast("psycopg2.extensions.connection", connection)


def own_driver(connection: Connection) -> None:
    """Undo what a connection's extras or the process may have set in the driver: plain tuples, transactions, UTF-8."""
    if is_psycopg3(connection):
        from psycopg import Cursor
        from psycopg.rows import tuple_row

        connection.autocommit = False
        connection.isolation_level = None
        connection.row_factory = tuple_row
        connection.cursor_factory = Cursor
    else:
        from psycopg2.extensions import cursor

        of_psycopg2 = psycopg2_connection(connection)
        of_psycopg2.rollback()
        of_psycopg2.autocommit = False
        of_psycopg2.cursor_factory = cursor
        # psycopg2 reads names and texts as the encoding that it was told, not as the one of the session.
        of_psycopg2.set_client_encoding("UTF8")


def tuple_cursor(connection: Connection) -> Cursor:
    """Return a cursor of the driver's plain class: dictionaries, logging and other protocols are the connection's."""
    if is_psycopg3(connection):
        from psycopg import Cursor as PlainCursor
        from psycopg.rows import tuple_row

        return PlainCursor(connection, row_factory=tuple_row)
    from psycopg2.extensions import cursor

    plain: Cursor = psycopg2_connection(connection).cursor(cursor_factory=cursor)
    return plain


def column_origins(cursor: Cursor) -> tuple[tuple[int, int], ...]:
    """Return the table's oid and the attribute number of each column of the result; (0, 0) for what is computed."""
    columns = cursor.description or ()
    result = getattr(cursor, "pgresult", None)
    if result is not None:
        return tuple((result.ftable(i), result.ftablecol(i)) for i in range(len(columns)))
    return tuple((column.table_oid or 0, column.table_column or 0) for column in columns)


def handle_notices(connection: Connection, handler: Callable[[Any], None]) -> None:
    """Give *handler* each of the server's notices as psycopg 3's ``Diagnostic``; psycopg2 keeps them in a list."""
    if is_psycopg3(connection):
        connection.add_notice_handler(handler)


def is_usable(connection: Connection) -> bool:
    """Tell whether a rollback can be sent: psycopg 3 may be broken, or in the middle of a COPY."""
    if not is_psycopg3(connection):
        return True
    from psycopg.pq import ConnStatus, TransactionStatus

    status = connection.pgconn
    return status.status == ConnStatus.OK and status.transaction_status != TransactionStatus.ACTIVE


@contextmanager
def in_utf8(connection: Connection) -> Iterator[None]:
    """Let psycopg2 decode UTF-8 for a while: it decodes by what the session was when it connected.

    psycopg 3 follows the server's ``client_encoding``.
    """
    if is_psycopg3(connection) or psycopg2_connection(connection).encoding in UTF8:
        yield
        return
    of_psycopg2 = psycopg2_connection(connection)
    encoding = of_psycopg2.encoding
    of_psycopg2.set_client_encoding("UTF8")
    try:
        yield
    finally:
        if not of_psycopg2.closed:
            with suppress(Exception):  # an error before this one is the one to report
                of_psycopg2.set_client_encoding(encoding)


@contextmanager
def interruptible(connection: Connection) -> Iterator[None]:
    """Let signals arrive while *connection* waits for the server.

    psycopg2 waits inside libpq, where Python's signal handlers do not run: a stopped task would continue until its
    query ends. Within this context it waits in Python.
    """
    with _waiting(connection, _wait):
        yield


@contextmanager
def copying(connection: Connection) -> Iterator[None]:
    """Allow COPY within :func:`interruptible`, which psycopg2 refuses otherwise; signals arrive between rows."""
    with _waiting(connection, None):
        yield


@contextmanager
def _waiting(connection: Connection, callback: Callable[[Any], None] | None) -> Iterator[None]:
    if is_psycopg3(connection):
        yield
        return
    from psycopg2.extensions import get_wait_callback, set_wait_callback

    before = get_wait_callback()
    set_wait_callback(callback)
    try:
        yield
    finally:
        set_wait_callback(before)


def _wait(connection: psycopg2.extensions.connection) -> None:
    """Wait until *connection* is ready; an interruption cancels the query, psycopg2 then closes the connection."""
    from psycopg2.extensions import POLL_OK, POLL_READ

    try:
        while (state := connection.poll()) != POLL_OK:
            reading = [connection.fileno()] if state == POLL_READ else []
            writing = [] if reading else [connection.fileno()]
            select.select(reading, writing, [])
    except BaseException:
        with suppress(Exception):
            connection.cancel()
        raise
