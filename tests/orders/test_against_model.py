"""The posting scripts and a model of section 21 in plain Python agree on any stream of events, cut in any way."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orders.events import START, Event, cuts, streams, take
from tests.orders.model import Books, Rates
from tests.orders.warehouse import empty, in_database, in_model, post, rows, without_numbers, write_rates

# More of them: ORDERS_EXAMPLES=500 pytest tests/orders/test_against_model.py
EXAMPLES = int(os.environ.get("ORDERS_EXAMPLES", "12"))
EARLY = Rates(
    tax={
        ("DE", "standard", date(2020, 1, 1)): Decimal("0.19"),
        ("DE", "reduced", date(2020, 1, 1)): Decimal("0.05"),
        # Berlin's 31 January begins within the streams.
        ("DE", "reduced", date(2026, 1, 31)): Decimal("0.07"),
    },
    exchange={
        ("USD", date(2026, 1, 24)): Decimal("0.9174311927"),
        ("USD", date(2026, 1, 31)): Decimal("0.8888888888"),
        ("JPY", date(2026, 1, 30)): Decimal("0.0061234567"),
        ("KWD", date(2026, 1, 23)): Decimal("2.9876543211"),
    },
)
LATE = Rates(
    tax=EARLY.tax | {("DE", "late", date(2020, 1, 1)): Decimal("0.1")},
    exchange=EARLY.exchange | {("GBP", date(2026, 1, 30)): Decimal("1.1499999999")},
)
OUT_OF_BALANCE = "select currency, sum(balance) from ledger.trial_balance group by currency having sum(balance) <> 0"
quick = settings(max_examples=EXAMPLES, deadline=None, derandomize=True,
                 suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip


def run(owner_and_admin: tuple[Any, Any], batches: list[list[Event]], late_from: int) -> dict[str, Any]:
    """Post *batches*, with the late rates from batch *late_from* on; return the books."""
    owner, admin = owner_and_admin
    empty(admin)
    write_rates(owner, EARLY)
    for place, batch in enumerate(batches):
        if place == late_from:
            write_rates(owner, LATE)
        take(owner, batch)
        owner.commit()
        post(owner)
        assert rows(owner, OUT_OF_BALANCE) == []
    return in_database(owner)


@quick
@given(data=st.data())
def test_database_and_model_agree(owner_and_admin: tuple[Any, Any], data: st.DataObject) -> None:
    batches = data.draw(cuts(data.draw(streams(in_order=False))))
    late_from = data.draw(st.integers(0, len(batches)))
    model = Books()
    for place, batch in enumerate(batches):
        model.post(batch, LATE if place >= late_from else EARLY)
    expected = in_model(model)
    found = run(owner_and_admin, batches, late_from)
    for what, value in expected.items():
        assert found[what] == value, what


@quick
@given(data=st.data())
def test_the_books_do_not_depend_on_how_the_events_are_cut(
    owner_and_admin: tuple[Any, Any], data: st.DataObject
) -> None:
    events = data.draw(streams(in_order=True))
    whole = run(owner_and_admin, [events], 99)
    in_pieces = run(owner_and_admin, data.draw(cuts(events)), 99)
    assert without_numbers(in_pieces) == without_numbers(whole)


def test_an_order_of_nothing_is_opened_and_posts_nothing(owner_and_admin: tuple[Any, Any]) -> None:
    """The streams above have such orders; this one says what the agreement is."""
    content = {"currency": "EUR", "lines": [{"sku": "FREE", "qty": 1, "unit_price": "0"}]}
    event = Event("e", "order_placed", "O", START, content)
    found = run(owner_and_admin, [[event]], 99)
    assert found["postings"] == {}
    assert found["invoices"]["O"][0] == "2026-00000001"
    assert found["told"] == {"O": [("invoice_created", "OPEN", 0, 1)]}


def test_what_falls_into_a_closed_month_is_posted_in_the_first_open_one(owner_and_admin: tuple[Any, Any]) -> None:
    owner, admin = owner_and_admin
    empty(admin)
    write_rates(owner, EARLY)
    owner.execute("insert into ledger.closed_month (month) values ('2025-12-01'), ('2026-01-01'), ('2026-02-01')")
    owner.execute("insert into ledger.closed_month (month) values ('2026-04-01')")
    content = {"currency": "EUR", "lines": [{"sku": "PRO", "qty": 1, "unit_price": "1"}]}
    take(owner, [Event("e", "order_placed", "O", START, content)])
    owner.commit()
    post(owner)
    assert rows(owner, "select business_date::text from ledger.transaction") == [("2026-03-01",)]
    assert rows(owner, "select business_date::text, invoice_number from billing.invoices") == [
        ("2026-01-30", "2026-00000001")
    ]


def test_what_no_entry_can_hold_is_rejected(owner_and_admin: tuple[Any, Any]) -> None:
    line = {"sku": "PRO", "qty": 1000000, "unit_price": "100000000"}
    large = Event("large", "order_placed", "O", START, {"currency": "EUR", "lines": [line]})
    fits = Event("fits", "order_placed", "O", START, {"currency": "EUR", "lines": [line | {"qty": 700000}]}, offset=1)
    paid = Event("paid", "payment_received", "O", START, {"currency": "EUR", "amount": "1e14"}, offset=2)
    found = run(owner_and_admin, [[large, fits, paid]], 99)
    assert found["rejected"] == {"large": "amount too large", "paid": "payment amount"}
    assert found["invoices"]["O"][4] == Decimal("83300000000000.00")
