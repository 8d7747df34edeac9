"""Rows are counted and passed on exactly, whatever a block may hold and however a COPY ends, with both drivers."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.copy.copy_stream import stream_copy
from tests.exporting import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

ROWS = 20_000
#: Line ends and quotes inside of fields, NULLs, some rows that are larger than libpq's first buffer, one of 3 MiB.
QUERY = f"""
select g as id, case when g % 3 = 0 then E'line\\n"' || g end as t, null as n,
    case when g = 777 then repeat('x', 3 << 20) when g % 1000 = 0 then repeat('y', 70000) end as large
from generate_series(1, {ROWS}) g
"""


class Collector:
    """Keeps the blocks, and says how many rows the next one may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.header = b""
        self.sizes: list[int] = []
        self.data = hashlib.sha256()

    def start(self, header: bytes) -> int:
        self.header = header
        return self.limit

    def take(self, block: bytes | memoryview, rows: int) -> int:
        assert block[-1:] == b"\n"
        self.sizes.append(rows)
        self.data.update(block)
        return self.limit


@pytest.mark.parametrize("limit", [1, 2, 129, 5_000, ROWS, 1 << 40])
@pytest.mark.parametrize("driver", DRIVERS)
def test_all_rows_arrive_once(new_lab: Callable[..., Lab], driver: str, limit: int) -> None:
    lab, sink = new_lab(), Collector(limit)
    with closing(DRIVERS[driver].connect(lab.dsn)) as connection:
        counted = stream_copy(connection, f"copy ({QUERY}) to stdout (format csv, header true)", sink, header=True)
    assert counted == sum(sink.sizes) == ROWS
    assert 1 <= min(sink.sizes) <= max(sink.sizes) <= limit
    assert sink.header == b"id,t,n,large\n"
    assert sink.data.hexdigest() == expected(lab)


@pytest.mark.parametrize("limit", [1, 10, 1 << 40])
@pytest.mark.parametrize("driver", DRIVERS)
def test_an_error_of_the_server_comes_out(new_lab: Callable[..., Lab], driver: str, limit: int) -> None:
    lab = new_lab()
    statement = "copy (select 1 / (5000 - g) from generate_series(1, 6000) g) to stdout (format csv)"
    with (
        closing(DRIVERS[driver].connect(lab.dsn)) as connection,
        pytest.raises(Exception, match="division by zero") as caught,
    ):
        stream_copy(connection, statement, Collector(limit), header=False)
    assert sqlstate(caught.value) == "22012"
    assert "no COPY" not in str(caught.value)


@pytest.mark.parametrize("driver", DRIVERS)
def test_nothing_at_all(new_lab: Callable[..., Lab], driver: str) -> None:
    lab, sink = new_lab(), Collector(10)
    with closing(DRIVERS[driver].connect(lab.dsn)) as connection:
        assert stream_copy(connection, "copy (select 1 where false) to stdout (format csv)", sink, header=False) == 0
    assert sink.sizes == []


def expected(lab: Lab) -> str:
    """Return the SHA-256 of the rows as psycopg's own loop reads them."""
    sha: Any = hashlib.sha256()
    statement = f"copy ({QUERY}) to stdout (format csv)"
    with closing(DRIVERS["psycopg"].connect(lab.dsn)) as connection, connection.cursor().copy(statement) as copy:
        for row in copy:
            sha.update(row)
    return str(sha.hexdigest())
