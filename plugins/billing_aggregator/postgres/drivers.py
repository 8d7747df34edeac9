"""Makes psycopg2 behave like psycopg 3: interruptible waits, and COPY within them."""

from __future__ import annotations

import select
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_psycopg3(connection: Any) -> bool:
    """Return whether *connection* is of psycopg 3 (else of psycopg2)."""
    return hasattr(connection, "pgconn")


@contextmanager
def interruptible(connection: Any) -> Iterator[None]:
    """Let signals arrive while *connection* waits for the server.

    psycopg2 waits inside libpq, where Python's signal handlers do not run: a stopped task would continue until its
    query ends. Within this context it waits in Python.
    """
    with _waiting(connection, _wait):
        yield


@contextmanager
def copying(connection: Any) -> Iterator[None]:
    """Allow COPY within :func:`interruptible`, which psycopg2 refuses otherwise; signals arrive between rows."""
    with _waiting(connection, None):
        yield


@contextmanager
def _waiting(connection: Any, callback: Any) -> Iterator[None]:
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


def _wait(connection: Any) -> None:
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
