"""Over TLS several of libpq's short reads follow each other: a sleep before each would cost more than all the rest.

The server of the tests has no TLS, so a connection stands in that gives one record at a read, as libpq does.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import pytest

from billing_aggregator.export.copy.libpq_rows import TLS_READS, LibpqRows

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = 10 * TLS_READS
ROWS_A_RECORD = 3


class Connection:
    """Gives the rows of one record after each read, then the end."""

    def __init__(self, handle: int, *, ssl_in_use: bool) -> None:
        self.socket = handle
        self.ssl_in_use = ssl_in_use
        self._records = iter([[b"%d,%d\n" % (r, n) for n in range(ROWS_A_RECORD)] for r in range(RECORDS)])
        self._here: deque[tuple[int, Any]] = deque()

    def consume_input(self) -> None:
        self._here.extend((len(row), memoryview(row)) for row in next(self._records, []) or [b""])

    def get_copy_data(self, wait: int) -> tuple[int, Any]:
        assert wait == 1  # libpq's "asynchronous"
        if not self._here:
            return 0, b""
        size, row = self._here.popleft()
        return (size, row) if size else (-1, b"")


@pytest.fixture
def readable() -> Iterator[socket.socket]:
    """Yield a socket that has something to read, but is not what is read."""
    here, there = socket.socketpair()
    with here, there:
        there.send(b"x")
        yield here


@pytest.mark.parametrize(("ssl_in_use", "reads_a_sleep"), [(True, TLS_READS), (False, 1)])
def test_reads_between_two_sleeps(
    monkeypatch: pytest.MonkeyPatch, readable: socket.socket, ssl_in_use: bool, reads_a_sleep: int
) -> None:
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    poller = select.poll()
    poller.register(readable, select.POLLIN)
    monkeypatch.setattr(LibpqRows, "_grow_input_buffer", lambda *_: None)
    connection = Connection(readable.fileno(), ssl_in_use=ssl_in_use)
    blocks: list[tuple[bytes, int]] = []

    def take(block: memoryview, rows: int) -> int:
        blocks.append((bytes(block), rows))
        return ROWS_A_RECORD * RECORDS - sum(count for _, count in blocks) or 1

    rows = LibpqRows(cast("Any", connection), poller).drain(take, ROWS_A_RECORD * RECORDS)

    expected = b"".join(b"%d,%d\n" % (r, n) for r in range(RECORDS) for n in range(ROWS_A_RECORD))
    assert b"".join(block for block, _ in blocks) == expected
    assert rows == sum(count for _, count in blocks) == ROWS_A_RECORD * RECORDS
    assert all(block.count(b"\n") == count for block, count in blocks)
    assert len(sleeps) == RECORDS // reads_a_sleep + 1  # the last one is before the end
