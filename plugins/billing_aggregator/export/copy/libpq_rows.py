"""Takes the rows of a COPY out of libpq, a block at a time, through psycopg 3's thin layer over it.

psycopg's ``Copy`` object costs a chain of Python calls per row. Three things make this faster than psql:

* libpq's input buffer is enlarged before it is drained for the first time, and a short sleep before each read lets the
  server fill it, so that one system call brings hundreds of rows instead of a handful;
* between two reads all rows that are there are taken without running any Python code per row: iterators of the standard
  library call libpq and write what it returns one after another into the block;
* a row's memory is free again before the next one is taken, so it stays in the processor's cache.
"""

from __future__ import annotations

import fcntl
import sys
import termios
import time
from io import BytesIO
from itertools import repeat, starmap, takewhile
from operator import getitem, length_hint
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import select
    from collections.abc import Callable

    from psycopg.pq.abc import PGconn

#: Takes a block of so many rows; returns how many the next one may have, at least 1.
Take: TypeAlias = "Callable[[memoryview, int], int]"

#: Input buffer that libpq is made to allocate, in bytes. A block has at most so many, or one row.
INPUT_BUFFER = 1 << 20
#: libpq's first input buffer, and the free space below which it doubles it, in bytes.
LIBPQ_BUFFER = 16 << 10
LIBPQ_ENLARGES_AT = 8 << 10
MOST_READS = 64
READ_AHEAD_MILLISECONDS = 20
POLL_MILLISECONDS = 1000
#: The sleep before a read; the long one after a read that brought little. A socket's buffer must not fill meanwhile.
NAP_SECONDS = 0.0005
LONG_NAP_SECONDS = 0.001
LITTLE = 128 << 10
#: Over TLS libpq takes one record of 8 KiB a call, until it has 32 KiB; then it takes all there is, as it does without.
TLS_READS = 5
#: The argument "do not wait" of ``get_copy_data``, and its answer when there is no whole row, as it compares with
#: others: -1 at the end is less, the size of a row is more.
WITHOUT_WAITING = (1,)
NOTHING: Any = (0, b"")


class LibpqRows:
    """The messages of a COPY that has begun.

    :param pgconn: psycopg's connection at its low level.
    :param poller: tells when its socket can be read.
    """

    def __init__(self, pgconn: PGconn, poller: select.poll) -> None:
        from psycopg import OperationalError

        self._get = pgconn.get_copy_data
        self._consume = pgconn.consume_input
        self._reads = TLS_READS if pgconn.ssl_in_use else 1
        self._poll = poller.poll
        self._error = OperationalError
        self._nap = NAP_SECONDS
        self._early = False
        self._grow_input_buffer(pgconn.socket)

    def first(self) -> bytes:
        """Return the first message, which is the header line; nothing if there is none."""
        return bytes(self._next() or b"")

    def drain(self, take: Take, limit: int) -> int:
        """Pass all rows on in blocks and return how many there were.

        :param limit: how many rows the first block may have, at least 1.
        """
        block = BytesIO()
        rows = 0
        while (data := self._next()) is not None:
            block.write(data)
            count = 1 + self._add_ready(block, limit - 1)
            rows += count
            size = block.tell()
            self._nap = LONG_NAP_SECONDS if size < LITTLE else NAP_SECONDS
            with block.getbuffer() as view:
                limit = take(view[:size], count)
            if size > 2 * INPUT_BUFFER:  # a very large row
                block = BytesIO()
            block.seek(0)
        return rows

    def _add_ready(self, block: BytesIO, limit: int) -> int:
        """Append to *block* the rows that libpq has already, at most *limit*; return how many.

        This runs without Python code per row. ``map`` asks for a row first, and only then takes one from the supply,
        so what is missing from it is the number of rows.
        """
        supply = repeat(1, limit + 1)
        every: Any = starmap(self._get, repeat(WITHOUT_WAITING, limit))
        rows: Any = map(getitem, takewhile(NOTHING.__lt__, every), supply)
        block.writelines(rows)
        count = limit + 1 - length_hint(supply)
        self._early = count < limit
        return count

    def _next(self) -> memoryview | None:
        """Return the next row, after waiting for it; None at the end: the result says whether it is a good one."""
        size, data = self._one()
        while size == 0:
            time.sleep(self._nap)
            for _ in repeat(None, self._reads):
                self._consume()
            size, data = self._one()
            if size == 0:
                self._poll(POLL_MILLISECONDS)
        return cast("memoryview", data) if size > 0 else None

    def _one(self) -> tuple[int, bytes | memoryview]:
        try:
            return self._get(1)
        except self._error:
            # The end that a block met before it had all its rows is told once; libpq then knows of no COPY any more.
            if self._early:
                return -1, b""
            raise

    def _grow_input_buffer(self, handle: int) -> None:
        """Read ahead without draining, until libpq has a buffer of :data:`INPUT_BUFFER`; later reads take as much.

        libpq reads what fits, and doubles its buffer when less than 8 KiB of it are free. The loop keeps count in the
        same way: without it a fast server would make the buffer as large as the whole result.
        """
        size, used = LIBPQ_BUFFER, 0
        available = bytearray(4)
        for _ in range(MOST_READS):
            if size >= INPUT_BUFFER or not self._poll(READ_AHEAD_MILLISECONDS):
                return
            time.sleep(2 * NAP_SECONDS)
            fcntl.ioctl(handle, termios.FIONREAD, available)
            while size - used < LIBPQ_ENLARGES_AT:
                size *= 2
            used += min(int.from_bytes(available, sys.byteorder), size - used)
            self._consume()
