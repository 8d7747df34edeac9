"""The edges of rules 3, 4 and 8: each case by the scripts as they are, and by scripts with the rule broken once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.orders.events import Event, take
from tests.orders.model import Rates
from tests.orders.warehouse import empty, post, posting_text, rows, write_rates

TAX = {("DE", "standard", date(2020, 1, 1)): Decimal("0.19")}
#: Overlaps the rate above for half a year.
YOUNGER = "insert into billing.tax_rate values ('DE', 'standard', 0.16, '2026-01-01', '2026-07-01')"
INVOICES = "select order_id, status, total::text, fx_rate::text from billing.invoices order by order_id"


def order(name: str, day: str, currency: str = "EUR") -> Event:
    """Return an order of 100.00 at noon of a day in Berlin."""
    at = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    content = {"currency": currency, "lines": [{"sku": "PRO", "qty": 1, "unit_price": "100"}]}
    return Event(f"placed {name}", "order_placed", name, at, content)


def paid(placed: Event, *amounts: str) -> list[Event]:
    """Return an order and its payments."""
    currency = placed.content["currency"]
    payments = [
        Event(f"{amount} {number} of {placed.order_id}", "payment_received", placed.order_id, placed.occurred_at,
              {"amount": amount, "currency": currency, "payment_id": str(number)})
        for number, amount in enumerate(amounts)
    ]  # fmt: skip
    return [placed, *payments]


class Case(NamedTuple):
    """Events, the invoices that they make, and what breaks the rule.

    :param broken: text of the posting scripts -> what stands there instead.
    """

    events: list[Event]
    expected: list[tuple[Any, ...]]
    broken: tuple[tuple[str, str], ...]


CASES = {
    "a rate of seven days before counts, one of eight does not": Case(
        [order("A", "2026-03-08", "USD"), order("B", "2026-03-09", "USD"), order("C", "2026-02-28", "USD")],
        [("A", "OPEN", "119.00", "0.5000000000"), ("B", "ON_HOLD", None, None), ("C", "ON_HOLD", None, None)],
        (
            ("wanted.business_date - 7 and", "wanted.business_date - 6 and"),
            ("wanted.business_date - 7 and", "wanted.business_date - 8 and"),
            ("and wanted.business_date\n", "and wanted.business_date + 1\n"),
        ),
    ),
    "an invoice is paid by its total exactly, not by a cent less": Case(
        [*paid(order("A", "2026-02-01"), "100", "19"), *paid(order("B", "2026-02-01"), "118.99")],
        [("A", "PAID", "119.00", "1.0000000000"), ("B", "PARTIALLY_PAID", "119.00", "1.0000000000")],
        (
            ("split.paid >= split.total", "split.paid > split.total"),
            ("split.paid >= split.total", "split.paid + 0.01 >= split.total"),
        ),
    ),
    "of two rates that overlap the younger counts until its end": Case(
        [order("A", "2025-12-31"), order("B", "2026-01-01"), order("C", "2026-06-30"), order("D", "2026-07-01")],
        [
            (name, "OPEN", total, "1.0000000000")
            for name, total in (("A", "119.00"), ("B", "116.00"), ("C", "116.00"), ("D", "119.00"))
        ],
        (
            ("order by tax_rate.valid_from desc", "order by tax_rate.valid_from asc"),
            ("wanted.business_date < tax_rate.valid_to", "wanted.business_date <= tax_rate.valid_to"),
            ("wanted.business_date >= tax_rate.valid_from", "wanted.business_date > tax_rate.valid_from"),
        ),
    ),
}


def invoices(owner_and_admin: tuple[Any, Any], case: Case, text: str) -> list[tuple[Any, ...]]:
    """Return the invoices that *text* makes of the case's events."""
    owner, admin = owner_and_admin
    empty(admin)
    write_rates(owner, Rates(TAX, {("USD", date(2026, 3, 1)): Decimal("0.5")}))
    if any(event.order_id == "D" for event in case.events):
        owner.execute(YOUNGER)
    take(owner, [replace(event, offset=place) for place, event in enumerate(case.events)])
    owner.commit()
    post(owner, text)
    return rows(owner, INVOICES)


@pytest.mark.parametrize("name", CASES)
def test_the_edge_is_where_the_rule_has_it(owner_and_admin: tuple[Any, Any], name: str) -> None:
    assert invoices(owner_and_admin, CASES[name], posting_text()) == CASES[name].expected


@pytest.mark.parametrize(
    ("name", "place"), [(name, at) for name, case in CASES.items() for at in range(len(case.broken))]
)
def test_a_broken_rule_is_seen(owner_and_admin: tuple[Any, Any], name: str, place: int) -> None:
    old, new = CASES[name].broken[place]
    text = posting_text()
    assert text.count(old) == 1
    assert invoices(owner_and_admin, CASES[name], text.replace(old, new)) != CASES[name].expected
