"""The pool of connections to the ledger's database: autocommit, one statement or one explicit transaction a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

if TYPE_CHECKING:
    from typing import LiteralString

    from services.ledger_api.settings import ServiceSettings

Row = dict[str, Any]


class Connection(psycopg.AsyncConnection[Row]):
    """A connection, and the names of the statements that it has prepared."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.prepared: set[bytes] = set()


Pool = AsyncConnectionPool[Connection]
WAIT_SECONDS = 10.0


def new_pool(settings: ServiceSettings) -> Pool:
    """Return the pool, not yet open; who waits longer than 10 seconds for a connection gets ``PoolTimeout``."""
    return AsyncConnectionPool(
        kwargs=settings.dsn() | {"autocommit": True, "row_factory": dict_row, "client_encoding": "utf8"},
        connection_class=Connection,
        min_size=min(2, settings.api_pool_size),
        max_size=settings.api_pool_size,
        timeout=WAIT_SECONDS,
        open=False,
        name="ledger",
    )


async def rows(pool: Pool, query: LiteralString, values: Row | None = None) -> list[Row]:
    """Return the rows of a query. A connection that had died is replaced once."""
    try:
        return await _rows(pool, query, values)
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and not error.sqlstate.startswith(("57P", "08")):
            raise
        return await _rows(pool, query, values)


async def _rows(pool: Pool, query: LiteralString, values: Row | None) -> list[Row]:
    async with pool.connection() as connection:
        cursor = await connection.execute(query, values)
        return await cursor.fetchall()


async def answers(pool: Pool) -> bool:
    """Tell whether the database answers and has the ledger."""
    found = await rows(pool, "select to_regclass('ledger.transaction') is not null as there")
    return bool(found[0]["there"])
