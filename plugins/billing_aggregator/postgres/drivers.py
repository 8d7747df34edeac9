"""What psycopg 3 does by itself and psycopg2 has to be told."""

from __future__ import annotations

import select
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_psycopg3(connection: Any) -> bool:
    """Tell whether *connection* is one of psycopg 3 (else it is one of psycopg2)."""
    return hasattr(connection, "pgconn")


@contextmanager
def interruptible(connection: Any) -> Iterator[None]:
    """Let signals arrive while *connection* waits for the server.

    psycopg2 waits inside libpq, where Python's signal handlers do not run: a task that is told to stop would go on
    until its query ends. Within this context it waits in Python.
    """
    with _waiting(connection, _wait):
        yield


@contextmanager
def copying(connection: Any) -> Iterator[None]:
    """Within :func:`interruptible`: allow COPY, which psycopg2 does in its own way only; rows let signals in."""
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
    """Wait until *connection* is ready; an interruption cancels what the server does, psycopg2 then closes it."""
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
