"""Posting by key, and many who post at once."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres

CALL = "select ledger.post(%s, 'manual', %s, 'api', %s::jsonb, %s)"
ROUNDS, POSTERS = 30, 4


def entries(amount: str, debit: str = "1000", credit: str = "2300", currency: str = "EUR") -> str:
    """Return two entries as JSON."""
    sides = ((debit, "debit"), (credit, "credit"))
    listed = [{"owner": "house", "code": c, "side": s, "amount": amount, "currency": currency} for c, s in sides]
    return json.dumps(listed)


@pytest.fixture
def ledger(books: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The ledger with an account that may not go below zero."""
    books.execute(
        "insert into ledger.account (owner, code, name, kind, normal_side, allow_negative) values "
        "('house', '1000', 'Cash', 'asset', 'debit', true), ('house', '2300', 'Credit', 'liability', 'credit', false)"
    )
    books.commit()
    return books


def posted(connection: psycopg.Connection[Any], key: str, content: str, day: str = "2026-01-31", text: str = "") -> Any:
    """Post and commit; return the transaction."""
    row = connection.execute(CALL, [key, day, content, text]).fetchone()
    connection.commit()
    assert row is not None
    return row[0]


def test_the_same_key_posts_once(ledger: psycopg.Connection[Any]) -> None:
    first = posted(ledger, "key", entries("10"))
    assert posted(ledger, "key", entries("10.00")) == first
    ledger.execute("insert into ledger.closed_month (month) values ('2026-01-01')")
    assert posted(ledger, "key", entries("10")) == first, "a retry after the month's end"
    assert ledger.execute("select count(*) from ledger.transaction").fetchone() == (1,)


@pytest.mark.parametrize(
    ("content", "day", "text"),
    [
        (entries("11"), "2026-01-31", ""),
        (entries("10", currency="USD"), "2026-01-31", ""),
        (entries("10", "2300", "1000"), "2026-01-31", ""),
        (entries("10"), "2026-01-30", ""),
        (entries("10"), "2026-01-31", "another text"),
    ],
)
def test_the_same_key_with_other_content_is_refused(
    ledger: psycopg.Connection[Any], content: str, day: str, text: str
) -> None:
    first = posted(ledger, "key", entries("10"))
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        posted(ledger, "key", content, day, text)
    assert str(first) in str(error.value)
    assert "What is posted now is" in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "must be an array"),
        (entries("10", "9999"), "line 1: house has no account 9999"),
        (entries("10.0000001"), "at most 6 decimals"),
        (entries("1e15"), "numeric field overflow"),
        (entries("10").replace('"amount"', '"sum"'), "amount"),
        (entries("ten"), "numeric"),
        ("[]", "0 entries"),
    ],
)
def test_wrong_entries_are_refused(ledger: psycopg.Connection[Any], content: str, words: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        posted(ledger, "key", content)
    ledger.rollback()
    assert words in str(error.value)
    assert ledger.execute("select count(*) from ledger.transaction").fetchone() == (0,)


@pytest.mark.parametrize("amount", ["0.000001", "99999999999999.999999"])
def test_credits_have_six_decimals(ledger: psycopg.Connection[Any], amount: str) -> None:
    posted(ledger, "key", entries(amount, currency="CREDIT"))
    balance = ledger.execute("select balance from ledger.account_balance where code = '2300'").fetchone()
    assert balance == (Decimal(amount),)


def test_many_with_the_same_key_post_once(
    ledger: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]]
) -> None:
    sessions = [connect() for _ in range(POSTERS)]

    def work(session: psycopg.Connection[Any]) -> list[Any]:
        return [posted(session, f"key {number}", entries("1")) for number in range(ROUNDS)]

    with ThreadPoolExecutor(POSTERS) as pool:
        answers = list(pool.map(work, sessions))
    assert all(answer == answers[0] for answer in answers)
    assert ledger.execute("select count(*) from ledger.transaction").fetchone() == (ROUNDS,)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_many_cannot_take_an_account_below_zero(
    ledger: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]], isolation: str
) -> None:
    """Sums of all accounts stay zero for a reader who looks meanwhile."""
    posted(ledger, "start", entries("20"))
    sessions = [connect() for _ in range(POSTERS)]
    for session in sessions:
        session.execute(f"set default_transaction_isolation = '{isolation}'".encode())
        session.commit()

    def work(session: psycopg.Connection[Any]) -> Decimal:
        taken, chance = Decimal(0), random.Random(id(session))  # noqa: S311 - amounts of a test
        for _ in range(ROUNDS):
            amount = chance.choice(["1", "2.50", "3"])
            try:
                posted(session, f"{id(session)} {chance.random()}", entries(amount, "2300", "1000"))
                taken += Decimal(amount)
            except (psycopg.errors.CheckViolation, psycopg.errors.SerializationFailure):
                session.rollback()
            total = session.execute("select coalesce(sum(balance), 0) from ledger.trial_balance").fetchone()
            session.commit()
            assert total == (0,)
        return taken

    with ThreadPoolExecutor(POSTERS) as pool:
        taken = sum(pool.map(work, sessions))
    balance = ledger.execute("select balance from ledger.account_balance where code = '2300'").fetchone()
    assert balance == (20 - taken,)
    assert 0 <= 20 - taken < 3, "as much was taken as there was"


def test_an_account_is_guarded_while_others_post(
    ledger: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]], postgres: EmbeddedPostgres
) -> None:
    ledger.execute("update ledger.account set allow_negative = true where code = '2300'")
    ledger.commit()
    other = connect()
    other.execute(CALL, ["under way", "2026-01-31", entries("5", "2300", "1000"), ""])
    with ThreadPoolExecutor(1) as pool:
        guarding = pool.submit(ledger.execute, "update ledger.account set allow_negative = false where code = '2300'")
        with pytest.raises(TimeoutError):
            guarding.result(0.3)
        other.commit()
        with pytest.raises(psycopg.errors.CheckViolation, match="is at -5"):
            guarding.result(10)
