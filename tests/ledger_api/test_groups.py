"""How posts form groups, with a stand-in for the statement that posts them; and what runs a prepared statement."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import pytest
from psycopg.rows import dict_row

from services.ledger_api import groups
from services.ledger_api.database import Connection
from services.ledger_api.groups import GROUP, LANES, MOST_GROUPS, RETURN_SECONDS, Groups
from services.ledger_api.posting import Posting
from services.ledger_api.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from billing_aggregator.local.postgres import EmbeddedPostgres

Value = TypeVar("Value")

WORK_SECONDS = 0.002
_numbers = count(1)


class Database:
    """Stands in for the pool and the statement: each group takes as long, or waits for the event of its first key."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.under_way = self.most = 0
        self.locks: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield

    async def value(self, _: None, posts: bytes) -> bytes:
        keys = [post["idempotency_key"] for post in json.loads(posts)]
        self.sizes.append(len(keys))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if keys[0] in self.locks:
                await self.locks[keys[0]].wait()
            else:
                await asyncio.sleep(WORK_SECONDS)
        finally:
            self.under_way -= 1
        return json.dumps({"at": "2026-03-01T10:00:00+00:00", "ids": dict.fromkeys(keys, "an id")}).encode()


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    found = Database()
    monkeypatch.setattr(groups, "POST_GROUP", found)
    return found


def in_time(work: Coroutine[Any, Any, Value]) -> Value:
    return asyncio.run(asyncio.wait_for(work, 30))


def posting(key: str | None = None) -> Posting:
    return Posting(key or f"key-{next(_numbers)}", "manual", date(2026, 3, 1), ())


async def post_again_and_again(made: Groups, clients: int, times: int) -> None:
    async def client() -> None:
        for _ in range(times):
            assert await made.add(posting()) is not None

    await asyncio.gather(*(client() for _ in range(clients)))


def made_of(database: Database) -> Groups:
    pool: Any = database
    return Groups(pool)


@pytest.mark.parametrize("clients", [2, 16, 100])
def test_two_groups_of_half_the_clients_are_under_way(
    database: Database, clients: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is.
    monkeypatch.setattr(groups, "RETURN_SECONDS", 1)
    monkeypatch.setattr(groups, "LONG_SECONDS", 10)
    in_time(post_again_and_again(made_of(database), clients, 20))
    assert sum(database.sizes) == clients * 20
    later = database.sizes[6:-4]
    assert min(later) >= min(clients, GROUP) // LANES - 1
    assert max(later) <= GROUP
    assert database.most == LANES


def test_one_client_waits_for_nobody(database: Database) -> None:
    async def run() -> float:
        made = made_of(database)
        await post_again_and_again(made, 1, 3)
        await asyncio.sleep(RETURN_SECONDS * 2)
        began = time.perf_counter()
        made.add(posting())
        while len(database.sizes) < 4:
            await asyncio.sleep(0)
        return time.perf_counter() - began

    assert in_time(run()) < RETURN_SECONDS


def test_who_does_not_come_back_is_waited_for_a_moment(database: Database) -> None:
    async def run() -> None:
        made = made_of(database)
        await post_again_and_again(made, 16, 3)
        await asyncio.wait_for(made.add(posting()), 1)

    in_time(run())
    assert database.sizes[-1] == 1


def test_groups_that_take_long_hold_nobody_up(database: Database) -> None:
    """As many as may be at once wait for locks; where one of them ends, what has waited goes on."""

    async def run() -> None:
        made = made_of(database)
        blocked = []
        for number in range(MOST_GROUPS):
            database.locks[f"blocked-{number}"] = asyncio.Event()
            blocked.append(made.add(posting(f"blocked-{number}")))
            if number < MOST_GROUPS - 1:
                # Beside those that wait there is always room for one more, at once or after a moment.
                assert await asyncio.wait_for(made.add(posting()), 1)
        await asyncio.sleep(0.1)
        late = made.add(posting())
        await asyncio.sleep(0.1)
        assert not late.done()
        database.locks["blocked-0"].set()
        assert await asyncio.wait_for(late, 1)
        assert [future.done() for future in blocked] == [True, False, False, False]
        for lock in database.locks.values():
            lock.set()
        await asyncio.gather(*blocked)

    in_time(run())


@asynccontextmanager
async def connected(postgres: EmbeddedPostgres) -> AsyncIterator[Connection]:
    async with await Connection.connect(postgres.dsn(), autocommit=True, row_factory=dict_row) as connection:
        yield connection


def test_a_statement_that_was_deallocated_is_prepared_again(postgres: EmbeddedPostgres) -> None:
    async def run() -> None:
        twice = Prepared("twice", "select ($1::integer * 2)::text")
        async with connected(postgres) as connection:
            assert await twice.value(connection, b"1") == b"2"
            await connection.execute("deallocate twice")
            with pytest.raises(psycopg.errors.InvalidSqlStatementName):
                await twice.value(connection, b"1")
            assert await twice.value(connection, b"2") == b"4"

    in_time(run())


def test_a_commit_that_fails_is_no_answer(postgres: EmbeddedPostgres) -> None:
    """The statement's own result is there already when the deferred constraint is checked."""

    async def run() -> None:
        twice = Prepared("doubled", "insert into doubled values ($1::integer), ($1::integer) returning number::text")
        async with connected(postgres) as connection:
            await connection.execute(
                "create temporary table doubled (number integer unique deferrable initially deferred)"
            )
            with pytest.raises(psycopg.errors.UniqueViolation):
                await twice.value(connection, b"1")
            found = await (await connection.execute("select count(*) from doubled")).fetchone()
        assert found == {"count": 0}

    in_time(run())


def test_a_long_value_goes_both_ways(postgres: EmbeddedPostgres) -> None:
    """Longer than what a socket takes at once."""

    async def run() -> None:
        async with connected(postgres) as connection:
            assert await Prepared("same", "select $1::text").value(connection, b"x" * 30_000_000) == b"x" * 30_000_000

    in_time(run())


def test_a_connection_that_dies_is_an_error(postgres: EmbeddedPostgres) -> None:
    async def run() -> None:
        async with connected(postgres) as connection, connected(postgres) as other:
            waits = asyncio.create_task(
                Prepared("waits", "select pg_sleep($1::integer)::text").value(connection, b"60")
            )
            await asyncio.sleep(0.2)
            await other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
            with pytest.raises(psycopg.OperationalError):
                await asyncio.wait_for(waits, 20)
            with pytest.raises(psycopg.OperationalError):
                await Prepared("one", "select $1::text").value(connection, b"1")

    in_time(run())
