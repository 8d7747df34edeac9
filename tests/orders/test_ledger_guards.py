"""What the ledger guarantees, against the owner of its tables."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = "2026-01-31"
TWO = [("1200", "debit", "119", "EUR", None), ("4000", "credit", "119", "EUR", None)]


def account(connection: psycopg.Connection[Any], code: str, side: str, **values: Any) -> None:
    """Make an account of the house."""
    connection.execute(
        "insert into ledger.account (owner, code, name, kind, normal_side, allow_negative) "
        "values ('house', %s, '', 'asset', %s, %s)",
        [code, side, values.get("allow_negative", True)],
    )


@pytest.fixture
def ledger(books: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The ledger with three accounts."""
    account(books, "1200", "debit")
    account(books, "4000", "credit")
    account(books, "2300", "credit", allow_negative=False)
    books.commit()
    return books


def post(connection: psycopg.Connection[Any], entries: list[Any], key: str | None = None, day: str = DAY) -> uuid.UUID:
    """Insert a transaction by hand; the caller commits."""
    name = uuid.uuid4()
    connection.execute(
        "insert into ledger.transaction (transaction_id, idempotency_key, kind, business_date, source) "
        "values (%s, %s, 'manual', %s, 'api')",
        [name, key or str(name), day],
    )
    for line, entry in enumerate(entries, 1):
        add(connection, name, line, entry)
    return name


def add(connection: psycopg.Connection[Any], transaction: uuid.UUID, line: int, entry: Any) -> None:
    """Insert one entry by hand."""
    code, side, amount, currency, base = entry
    connection.execute(
        "insert into ledger.entry select %s, %s, account_id, %s, %s, %s, %s from ledger.account where code = %s",
        [transaction, line, side, amount, currency, base, code],
    )


def refused(connection: psycopg.Connection[Any], *words: str, commit: bool = True) -> None:
    """Check that the commit is refused with all *words*."""
    with pytest.raises(psycopg.Error) as error:
        connection.commit() if commit else connection.execute("set constraints all immediate")
    connection.rollback()
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        pytest.param([], ["0 entries"], id="no entry"),
        pytest.param(TWO[:1], ["1 entries"], id="one entry"),
        pytest.param([TWO[0], ("4000", "credit", "118.99", "EUR", None)], ["0.01 EUR"], id="not balanced"),
        pytest.param([TWO[0], ("4000", "credit", "119", "USD", None)], ["119 EUR", "-119 USD"], id="two currencies"),
        pytest.param(
            [("1200", "debit", "119", "EUR", "119"), ("4000", "credit", "119", "EUR", "118")],
            ["1 in base"], id="not balanced in base",
        ),
        pytest.param(
            [("1200", "debit", "119", "EUR", "119"), ("4000", "credit", "119", "EUR", None)],
            ["119 in base"], id="base on one side",
        ),
    ],
)  # fmt: skip
def test_what_does_not_balance_is_not_committed(
    ledger: psycopg.Connection[Any], entries: list[Any], words: list[str]
) -> None:
    post(ledger, entries, "the key")
    refused(ledger, "the key", *words)
    post(ledger, entries, "the key")
    refused(ledger, "the key", *words, commit=False)
    assert ledger.execute("select count(*) from ledger.entry").fetchone() == (0,)


def test_several_currencies_balance_each_and_base_as_a_whole(ledger: psycopg.Connection[Any]) -> None:
    post(
        ledger,
        [
            ("1200", "debit", "10", "USD", "9"), ("4000", "credit", "10", "USD", "8"),
            ("1200", "debit", "5", "EUR", "5"), ("4000", "credit", "5", "EUR", "6"),
        ],
    )  # fmt: skip
    ledger.commit()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (("1200", "debit", "1.001", "EUR", None), ["1.001", "minor units of EUR"]),
        (("1200", "debit", "1.5", "JPY", None), ["minor units of JPY"]),
        (("1200", "debit", "1.0001", "KWD", None), ["minor units of KWD"]),
        (("1200", "debit", "1", "XXX", None), ["no currency XXX"]),
        (("1200", "debit", "0", "EUR", None), ["entry_amount_check"]),
        (("1200", "debit", "-1", "EUR", None), ["entry_amount_check"]),
        (("1200", "debit", "NaN", "EUR", None), ["entry_amount_check"]),
        (("1200", "debit", "1", "EUR", "-1"), ["entry_base_amount_check"]),
        (("1200", "debit", "1", "EUR", "NaN"), ["entry_base_amount_check"]),
        (("1200", "both", "1", "EUR", None), ["entry_side_check"]),
    ],
)
def test_an_entry_that_cannot_be_is_refused(ledger: psycopg.Connection[Any], entry: Any, words: list[str]) -> None:
    with pytest.raises(psycopg.Error) as error:
        post(ledger, [entry])
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.entry set amount = 1",
        "delete from ledger.entry",
        "truncate ledger.entry",
        "update ledger.transaction set description = 'x'",
        "delete from ledger.transaction",
        "truncate ledger.transaction cascade",
        "merge into ledger.entry using ledger.account on false when matched then delete",
        "delete from ledger.account",
        "truncate ledger.account cascade",
        "update ledger.account set normal_side = 'credit'",
        "update ledger.account set owner = 'me'",
        "update ledger.currency set minor_units = 4 where code = 'EUR'",
        "delete from ledger.currency where code = 'EUR'",
        "update ledger.account_total set debit = 0",
        "insert into ledger.account_total values (1, 'EUR', '2026-01-01', 1, 0, null, null, 1)",
        "truncate ledger.account_total",
        "update ledger.guarded_balance set balance = 1000",
        "delete from ledger.posting_gate",
        "insert into ledger.due_check (transaction_ids) values ('{}')",
        "update ledger.due_check set transaction_ids = '{}'",
    ],
)
def test_nothing_is_changed_or_deleted(ledger: psycopg.Connection[Any], statement: str) -> None:
    post(ledger, TWO)
    ledger.commit()
    with pytest.raises(psycopg.Error):
        ledger.execute(statement.encode())
    ledger.rollback()
    assert ledger.execute("select count(*), sum(amount) from ledger.entry").fetchone() == (2, 238)


def test_entries_are_not_added_later(ledger: psycopg.Connection[Any]) -> None:
    name = post(ledger, TWO)
    ledger.commit()
    with pytest.raises(psycopg.Error, match="posted already"):
        add(ledger, name, 3, TWO[0])


def test_a_check_before_its_time_does_not_replace_the_last_one(ledger: psycopg.Connection[Any]) -> None:
    name = post(ledger, TWO, "the key")
    ledger.execute("set constraints all immediate")
    ledger.execute("set constraints all deferred")
    with ledger.transaction():
        add(ledger, name, 3, TWO[0])
    refused(ledger, "119 EUR")


def test_a_savepoint_hides_nothing(ledger: psycopg.Connection[Any]) -> None:
    with ledger.transaction():
        post(ledger, TWO)
        ledger.execute("savepoint lost")
        post(ledger, TWO[:1])
        ledger.execute("rollback to savepoint lost")
    ledger.execute("savepoint here")
    post(ledger, TWO[:1])
    ledger.execute("release savepoint here")
    refused(ledger, "1 entries")


def test_totals_are_folded_and_never_lost(ledger: psycopg.Connection[Any]) -> None:
    for _ in range(3):
        post(ledger, TWO)
        ledger.commit()
    before = ledger.execute("select * from ledger.account_balance order by code").fetchall()
    ledger.execute("delete from ledger.account_total")
    ledger.commit()
    assert ledger.execute("select count(*) from ledger.account_total").fetchone() == (2,)
    assert ledger.execute("select * from ledger.account_balance order by code").fetchall() == before


def test_a_closed_month_takes_nothing_more(ledger: psycopg.Connection[Any]) -> None:
    ledger.execute("insert into ledger.closed_month (month) values ('2026-01-01')")
    ledger.commit()
    with pytest.raises(psycopg.Error, match=r"2026-01-31 is in a closed month"):
        post(ledger, TWO)
    ledger.rollback()
    post(ledger, TWO, day="2026-02-01")
    ledger.commit()
    with pytest.raises(psycopg.Error):
        ledger.execute("insert into ledger.closed_month (month) values ('2026-02-02')")


def test_a_transaction_is_reversed_once(ledger: psycopg.Connection[Any]) -> None:
    name = post(ledger, TWO)
    insert = (
        "insert into ledger.transaction (idempotency_key, kind, business_date, source, reverses) "
        "values (%s, 'reversal', '2026-01-31', 'api', %s)"
    )
    ledger.execute(insert, ["first", name])
    with pytest.raises(psycopg.Error, match="transaction_reverses"), ledger.transaction():
        ledger.execute(insert, ["second", name])
    with pytest.raises(psycopg.Error, match="to reverse"), ledger.transaction():
        ledger.execute(insert, ["third", uuid.uuid4()])


def test_an_account_that_is_below_zero_cannot_be_guarded(ledger: psycopg.Connection[Any]) -> None:
    post(ledger, [TWO[0], ("4000", "credit", "119", "EUR", None)])
    post(ledger, [("4000", "debit", "120", "EUR", None), ("1200", "credit", "120", "EUR", None)])
    ledger.commit()
    with pytest.raises(psycopg.Error, match="is at -1"):
        ledger.execute("update ledger.account set allow_negative = false where code = '4000'")


def test_month_is_closed_between_posting_and_commit(
    ledger: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]]
) -> None:
    post(ledger, TWO)
    other = connect()
    other.execute("set lock_timeout = '200ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        other.execute("insert into ledger.closed_month (month) values ('2026-01-01')")
    other.rollback()
    ledger.commit()
    ledger.execute("set transaction isolation level repeatable read")
    ledger.execute("select 1")
    other.execute("insert into ledger.closed_month (month) values ('2026-01-01')")
    other.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        post(ledger, TWO)
