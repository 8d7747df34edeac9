"""Reads ``COPY ... TO STDOUT`` in batches of whole rows, the same for psycopg 3 and psycopg2.

The server sends one CopyData message per row (the header line is the first), so row boundaries are known without
looking into the CSV, also when a field holds newlines. The rows counted here are compared with the command tag.

psycopg 3 is driven at its low level, see :mod:`billing_aggregator.export.copy.libpq_rows`.
"""

from __future__ import annotations

import select
import time
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol

from billing_aggregator.export.copy.libpq_rows import NAP_SECONDS, POLL_MILLISECONDS, LibpqRows
from billing_aggregator.export.errors import ConnectionLostError, RowCountError
from billing_aggregator.postgres.drivers import copying, is_psycopg3, psycopg2_connection

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg
    from psycopg.pq import ExecStatus
    from psycopg.pq.abc import PGresult

    from billing_aggregator.postgres.protocols import Connection

#: Rows of psycopg2 that are joined at once. From some 100 KB on the allocator gives every block back to the system,
#: which costs more than the joining.
BATCH_ROWS = 128
#: A batch ends behind a row of more than so many bytes, so it holds a MiB and one row at most.
LARGE_ROW = 8 << 10


class RowSink(Protocol):
    """Takes the rows of a COPY."""

    def start(self, header: bytes) -> int:
        """Take the header line (empty without one); return how many rows the first block may have, at least 1."""

    def take(self, block: bytes | memoryview, rows: int) -> int:
        """Take a block of whole rows, whose memory is used again; return how many rows the next one may have.

        A block has at least one row, and at most about a MiB and one row. How many rows a block has depends on how
        fast they came, not on the rows alone.
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
        messages = LibpqRows(pgconn, poller)
        first = messages.first() if header else b""
        rows = messages.drain(sink.take, sink.start(first))
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
            for _ in repeat(None, min(limit, BATCH_ROWS)):
                data = yield
                append(data)
                if len(data) > large:
                    break
            self._rows += len(batch)
            limit = sink.take(b"".join(batch), len(batch))
            batch.clear()

    def finish(self) -> int:
        """Pass the last rows on; return how many there were in all."""
        if self._batch:
            self._rows += len(self._batch)
            self._sink.take(b"".join(self._batch), len(self._batch))
        return self._rows
