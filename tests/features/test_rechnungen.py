"""Steps of rechnungen.feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.orders.events import START, Event, take
from tests.orders.warehouse import migrate, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

scenarios("rechnungen.feature")
_numbers = count(1)


@dataclass
class Buchhaltung:
    """A warehouse of its own; each event is a batch of its own."""

    connection: psycopg.Connection[Any]
    order: str = ""
    offsets: Iterator[int] = field(default_factory=lambda: count(0))

    def take(self, event_type: str, order: str, **content: Any) -> None:
        offset = next(self.offsets)
        at = START + timedelta(minutes=offset)
        take(self.connection, [Event(f"e{offset}", event_type, order, at, content, offset=offset)])
        self.connection.commit()
        post(self.connection)

    def one(self, query: str, *values: Any) -> Any:
        row = self.connection.execute(query.encode(), values).fetchone()
        self.connection.commit()
        return row

    def rate(self, tax_class: str, percent: str) -> None:
        self.connection.execute(
            "insert into billing.tax_rate values ('DE', %s, %s, '2020-01-01', null)", [tax_class, amount(percent) / 100]
        )
        self.connection.commit()


def amount(text: str) -> Decimal:
    """Read a German amount."""
    return Decimal(text.replace(".", "").replace(",", ".") or "0")


@pytest.fixture
def buch(postgres: EmbeddedPostgres) -> Iterator[Buchhaltung]:
    name = f"rechnungen_{next(_numbers)}"
    create_octopus(postgres, name)
    with psycopg.connect(postgres.dsn(name, ROLE)) as connection:
        migrate(connection)
        yield Buchhaltung(connection)


@given(parsers.parse('der Steuersatz "{first}" von {one} % und "{second}" von {two} %'))
def _(buch: Buchhaltung, first: str, one: str, second: str, two: str) -> None:
    buch.rate(first, one)
    buch.rate(second, two)


@when(parsers.parse('der Steuersatz "{tax_class}" von {percent} % dazukommt'))
def _(buch: Buchhaltung, tax_class: str, percent: str) -> None:
    buch.rate(tax_class, percent)
    post(buch.connection)


@when(parsers.re(r'"(?P<order>[^"]+)" über (?P<qty>\d+) x (?P<price>[\d,]+) EUR bestellt wird'))
def _(buch: Buchhaltung, order: str, qty: str, price: str) -> None:
    line = {"sku": "PRO", "qty": int(qty), "unit_price": str(amount(price))}
    buch.take("order_placed", order, currency="EUR", lines=[line])


@when(
    parsers.re(
        r'"(?P<order>[^"]+)" über (?P<qty>\d+) x (?P<price>[\d,]+) EUR mit der Steuerklasse "(?P<tax_class>\w+)" '
        "bestellt wird"
    )
)
def _(buch: Buchhaltung, order: str, qty: str, price: str, tax_class: str) -> None:
    line = {"sku": "PRO", "qty": int(qty), "unit_price": str(amount(price)), "tax_class": tax_class}
    buch.take("order_placed", order, currency="EUR", lines=[line])


@when(parsers.parse('für "{order}" {paid} EUR eingehen'))
def _(buch: Buchhaltung, order: str, paid: str) -> None:
    buch.take("payment_received", order, currency="EUR", amount=str(amount(paid)), payment_id="p")


@when(parsers.parse('"{order}" storniert wird'))
def _(buch: Buchhaltung, order: str) -> None:
    buch.take("order_cancelled", order, reason="so")


@then(parsers.parse('hat die Rechnung von "{order}" die Nummer "{number}" und den Stand "{status}"'))
def _(buch: Buchhaltung, order: str, number: str, status: str) -> None:
    buch.order = order
    assert buch.one(INVOICE, order) == (number, status)


@then(parsers.parse('hat die Rechnung von "{order}" keine Nummer und den Stand "{status}"'))
def _(buch: Buchhaltung, order: str, status: str) -> None:
    buch.order = order
    assert buch.one(INVOICE, order) == (None, status)


@then(parsers.parse("sind ihre Beträge {net} netto, {tax} Steuer und {gross} brutto"))
def _(buch: Buchhaltung, net: str, tax: str, gross: str) -> None:
    found = buch.one("select subtotal, tax, total from billing.invoices where order_id = %s", buch.order)
    assert found == (amount(net), amount(tax), amount(gross))


@then("stehen im Hauptbuch")
def _(buch: Buchhaltung, datatable: list[list[str]]) -> None:
    expected = {row[0]: amount(row[1]) - amount(row[2]) for row in datatable[1:]}
    found = buch.connection.execute("select code, sum(balance) from ledger.trial_balance group by code").fetchall()
    assert {code: balance for code, balance in found if balance} == expected


@then(parsers.re(r'wird von "(?P<order>[^"]+)" gemeldet "(?P<told>[^"]*)"'))
def _(buch: Buchhaltung, order: str, told: str) -> None:
    assert buch.one(TOLD, order)[0] == told


@then(parsers.parse('wartet ein Ereignis von "{order}"'))
def _(buch: Buchhaltung, order: str) -> None:
    assert buch.one("select order_id, count(*) from billing.waiting_event group by order_id") == (order, 1)


@then("wartet kein Ereignis")
def _(buch: Buchhaltung) -> None:
    assert buch.one("select count(*) from billing.waiting_event") == (0,)


INVOICE = "select invoice_number, status from billing.invoices where order_id = %s"
TOLD = """
select coalesce(string_agg(outbox.event_type, ', ' order by outbox.id), '')
from billing.invoices
join billing.outbox on outbox.aggregate_id = invoices.id::text
where invoices.order_id = %s
"""
