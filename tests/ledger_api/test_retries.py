"""Serialisation failures and deadlocks: posted again by the service, and told as such where they do not end."""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import psycopg
import pytest
from psycopg.types.json import Jsonb

from billing_aggregator.local.warehouse import ROLE
from tests.ledger_api.server import API_ROLE, Running, new_ledger
from tests.ledger_api.test_posting import body, line, post
from tests.ledger_api.test_rpc import entry, refusal, stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres

DATABASE = "ledger_api_retries"
#: Fails the first posts of a key; a sequence counts on when a transaction is undone. One key fails for ever.
FAILING = """
create sequence ledger.failed;
create table ledger.failure (key text primary key, sqlstate text not null, times integer not null);
create function ledger.fail() returns trigger language plpgsql security definer as $$
declare
    wanted ledger.failure;
begin
    select * into wanted from ledger.failure where key = new.idempotency_key;
    if found and nextval('ledger.failed') <= wanted.times then
        raise exception 'as asked' using errcode = wanted.sqlstate;
    end if;
    return new;
end
$$;
create trigger fails before insert on ledger.transaction for each row execute function ledger.fail();
"""
BLOCKED = "select count(*) from pg_locks where not granted"
_numbers = count(1)


@pytest.fixture(scope="module")
def failing(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    new_ledger(postgres, DATABASE)
    with psycopg.connect(postgres.dsn(DATABASE, ROLE)) as owner:
        owner.execute(FAILING)
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        isolation = "default_transaction_isolation = 'repeatable read'"
        admin.execute(f"alter role {API_ROLE} in database {DATABASE} set {isolation}".encode())
    with Running(postgres, DATABASE, tmp_path_factory.mktemp("retries") / "log") as running:
        yield running


@pytest.fixture
def owner(postgres: EmbeddedPostgres, failing: Running) -> Iterator[psycopg.Connection[Any]]:
    assert failing
    with psycopg.connect(postgres.dsn(DATABASE, ROLE), autocommit=True) as connection:
        yield connection


@pytest.fixture
def failing_api(failing: Running) -> Iterator[httpx.Client]:
    with failing.client() as client:
        yield client


def fail(owner: psycopg.Connection[Any], sqlstate: str, times: int) -> str:
    """Let the first posts of a new key fail; return the key."""
    key = f"fails-{next(_numbers)}"
    owner.execute("alter sequence ledger.failed restart")
    owner.execute("insert into ledger.failure values (%s, %s, %s)", [key, sqlstate, times])
    return key


def found(owner: psycopg.Connection[Any], key: str) -> tuple[Any, ...]:
    """Return how often a key was tried, and how often it is in the books."""
    row = owner.execute(
        "select (select last_value from ledger.failed), count(*) from ledger.transaction where idempotency_key = %s",
        [key],
    ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_a_post_is_made_again(owner: psycopg.Connection[Any], failing_api: httpx.Client, sqlstate: str) -> None:
    key = fail(owner, sqlstate, 3)
    assert post(failing_api, key, body("1.00")).status_code == 201
    assert found(owner, key) == (4, 1)


def test_what_does_not_end_is_told_as_worth_another_try(
    owner: psycopg.Connection[Any], failing_api: httpx.Client, failing: Running
) -> None:
    key = fail(owner, "40001", 1000)
    answer = post(failing_api, key, body("1.00"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"] == "1"
    # In a group, then six times alone.
    assert found(owner, key) == (7, 0)
    with grpc.insecure_channel(f"127.0.0.1:{failing.grpc}") as channel:
        assert refusal(stub(channel).CreateEntry, entry(key))[0] == grpc.StatusCode.UNAVAILABLE


def test_other_failures_are_not_made_again(owner: psycopg.Connection[Any], failing_api: httpx.Client) -> None:
    key = fail(owner, "P0001", 1000)
    assert post(failing_api, key, body("1.00")).status_code == 500
    assert found(owner, key) == (2, 0)


def test_a_snapshot_of_before_is_taken_anew(owner: psycopg.Connection[Any], failing: Running) -> None:
    """Two postings to an account that may not go below zero: the second's snapshot is older than the first's commit."""
    lines = [line("4000", "debit", "1.00"), line("202", "credit", "1.00", owner="C-1")]
    content = body() | {"entries": lines}
    answers: list[int] = []

    def one() -> None:
        with failing.client() as api:
            answers.append(post(api, "second", content).status_code)

    posting = "select ledger.post('first', 'manual', '2026-03-01', 'api', %s)"
    with owner.transaction():
        owner.execute(posting, [Jsonb(lines)])
        thread = threading.Thread(target=one)
        thread.start()
        while owner.execute(BLOCKED).fetchone() == (0,):
            time.sleep(0.05)
    thread.join(30)
    assert answers == [201]
    balance = owner.execute("select balance from ledger.account_balance where code = '202'").fetchone()
    assert balance == (2,)
