"""Reads ``COPY ... TO STDOUT`` in batches of whole rows, the same for psycopg 3 and psycopg2.

The server sends one CopyData message per row (the header line is the first), so row boundaries are known without
looking into the CSV, also when a field holds newlines. The rows counted here are compared with the command tag.

psycopg 3 is driven at its low level: its ``Copy`` object costs a Python call chain per row. Two things make it
faster than psql: libpq's input buffer is enlarged before it is drained for the first time, and a short sleep before
each read lets the server fill it, so that one system call brings hundreds of rows instead of a handful.
"""

from __future__ import annotations

import fcntl
import select
import sys
import termios
import time
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol

from billing_aggregator.export.errors import ConnectionLostError, RowCountError
from billing_aggregator.postgres.drivers import copying, is_psycopg3, psycopg2_connection

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg
    from psycopg.pq import ExecStatus
    from psycopg.pq.abc import PGconn, PGresult

    from billing_aggregator.postgres.protocols import Connection

#: A batch ends behind a row of more than so many bytes, so it holds a MiB and one row at most: 128 rows, as the sink
#: says, of 8 KiB. It depends on the rows alone, because what a compressor returns depends on how it is fed.
LARGE_ROW = 8 << 10
#: Input buffer that libpq is made to allocate, in bytes.
INPUT_BUFFER = 1 << 20
#: libpq's first input buffer, and the free space below which it doubles it, in bytes.
LIBPQ_BUFFER = 16 << 10
LIBPQ_ENLARGES_AT = 8 << 10
MOST_READS = 64
READ_AHEAD_MILLISECONDS = 20
NAP_SECONDS = 0.0005
POLL_MILLISECONDS = 1000


class RowSink(Protocol):
    """Takes the rows of a COPY."""

    def start(self, header: bytes) -> int:
        """Take the header line (empty without one); return how many rows the first batch may have, at least 1."""

    def rows(self, batch: list[bytes]) -> int:
        """Take a batch, which is reused afterwards; return how many rows the next one may have, at least 1.

        It has as many rows as it may have, or fewer: behind a row of more than :data:`LARGE_ROW` bytes, and at the end.
        """


def stream_copy(connection: Connection, statement: str, sink: RowSink, *, header: bool) -> int:
    """Run the COPY *statement* and feed *sink*; return the number of rows (the header is none).

    :param header: whether the statement asks for a header line.
    :raises RowCountError: the rows counted are not the command tag's.
    """
    if is_psycopg3(connection):
        counted, tag = _stream_psycopg3(connection, statement, sink, header)
    else:
        counted, tag = _stream_psycopg2(connection, statement, sink, header)
    if counted != tag:
        raise RowCountError(f"COPY sent {counted} rows, its command tag says {tag}")
    return counted


def _stream_psycopg3(
    connection: psycopg.Connection[Any], statement: str, sink: RowSink, header: bool
) -> tuple[int, int]:
    from psycopg.pq import ExecStatus

    pgconn = connection.pgconn
    poller = select.poll()
    poller.register(pgconn.socket, select.POLLIN)
    with connection.lock:
        pgconn.send_query(statement.encode())
        while pgconn.flush():
            time.sleep(NAP_SECONDS)
        while pgconn.is_busy():
            poller.poll(POLL_MILLISECONDS)
            pgconn.consume_input()
        _expect(pgconn.get_result(), ExecStatus.COPY_OUT)
        _grow_input_buffer(pgconn, poller)
        first = _first_message(pgconn, poller) if header else b""
        rows = _drain(pgconn, poller, sink, sink.start(first))
        tag = _expect(pgconn.get_result(), ExecStatus.COMMAND_OK).command_tuples
        while pgconn.get_result():
            pass
    return rows, -1 if tag is None else tag


def _expect(result: PGresult | None, status: ExecStatus) -> PGresult:
    """Return *result* if it has this *status*; raise the server's error otherwise."""
    from psycopg.errors import error_from_result

    if result is None:
        raise ConnectionLostError("the connection broke in the middle of a COPY")
    if result.status != status:
        raise error_from_result(result)
    return result


def _grow_input_buffer(pgconn: PGconn, poller: select.poll) -> None:
    """Read ahead without draining, until libpq has a buffer of :data:`INPUT_BUFFER`; later reads take as much.

    libpq reads what fits, and doubles its buffer when less than 8 KiB of it are free. The loop keeps count in the same
    way: without it a fast server would make the buffer as large as the whole result.
    """
    size, used = LIBPQ_BUFFER, 0
    available = bytearray(4)
    for _ in range(MOST_READS):
        if size >= INPUT_BUFFER or not poller.poll(READ_AHEAD_MILLISECONDS):
            return
        time.sleep(2 * NAP_SECONDS)
        fcntl.ioctl(pgconn.socket, termios.FIONREAD, available)
        while size - used < LIBPQ_ENLARGES_AT:
            size *= 2
        used += min(int.from_bytes(available, sys.byteorder), size - used)
        pgconn.consume_input()


def _first_message(pgconn: PGconn, poller: select.poll) -> bytes:
    while True:
        size, data = pgconn.get_copy_data(1)
        if size > 0:
            return bytes(data)
        if size < 0:
            return b""
        poller.poll(POLL_MILLISECONDS)
        pgconn.consume_input()


def _drain(pgconn: PGconn, poller: select.poll, sink: RowSink, limit: int) -> int:
    # Bound methods as locals, an iterator that counts: this loop runs once per row.
    get, consume, poll, nap, take = pgconn.get_copy_data, pgconn.consume_input, poller.poll, time.sleep, sink.rows
    # psycopg gives memoryviews: the sink only measures and joins its rows, as it would bytes.
    batch: list[Any] = []
    append, large = batch.append, LARGE_ROW
    rows = size = 0
    while size >= 0:
        for _ in repeat(None, limit):
            size, data = get(1)
            if size <= 0:
                while size == 0:
                    poll(POLL_MILLISECONDS)
                    nap(NAP_SECONDS)
                    consume()
                    size, data = get(1)
                if size < 0:
                    break
            append(data)
            if size > large:
                break
        if batch:
            rows += len(batch)
            limit = take(batch)
            batch.clear()
    return rows


def _stream_psycopg2(connection: Connection, statement: str, sink: RowSink, header: bool) -> tuple[int, int]:
    writer = _Writer(sink, header)
    with psycopg2_connection(connection).cursor() as cursor, copying(connection):
        try:
            cursor.copy_expert(statement, writer)
        except Exception as error:
            if type(error).__name__ == "DatabaseError" and getattr(error, "pgcode", None) is None:
                # psycopg2 has no error class of its own for a session that ended in the middle of a COPY.
                raise ConnectionLostError(f"the connection broke in the middle of a COPY: {error}") from error
            raise
        return writer.finish(), cursor.rowcount


class _Writer:
    """What ``copy_expert`` writes to: ``write`` resumes a generator, which costs less than a call of a method."""

    def __init__(self, sink: RowSink, header: bool) -> None:
        self._sink = sink
        self._batch: list[bytes] = []
        self._rows = 0
        taking = self._take(header)
        next(taking)
        self.write = taking.send

    def _take(self, header: bool) -> Generator[None, bytes, None]:
        sink, batch, large = self._sink, self._batch, LARGE_ROW
        append = batch.append
        limit = sink.start((yield) if header else b"")
        while True:
            for _ in repeat(None, limit):
                data = yield
                append(data)
                if len(data) > large:
                    break
            self._rows += len(batch)
            limit = sink.rows(batch)
            batch.clear()

    def finish(self) -> int:
        """Pass the last rows on; return how many there were in all."""
        if self._batch:
            self._rows += len(self._batch)
            self._sink.rows(self._batch)
        return self._rows
