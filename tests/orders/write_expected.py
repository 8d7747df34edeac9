"""Writes the sample's expected rows from the model, never from the SQL: ``python -m tests.orders.write_expected``."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.orders import sample
from tests.orders.model import MINOR_UNITS, Invoice, day_of, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.orders.model import Books

FOLDER = Path(__file__).parent / "expected"
DAY = date(2026, 1, 1)
INVOICES = [
    "invoice_number", "order_id", "customer_id", "business_date", "currency", "subtotal", "tax", "total", "paid",
    "status", "base_currency", "fx_rate", "base_total", "version",
]  # fmt: skip
ENTRIES = [
    "idempotency_key", "kind", "business_date", "line", "owner", "account", "side", "amount", "currency",
    "base_amount", "description",
]  # fmt: skip


def main() -> None:
    """Write the files."""
    books = sample.modelled()
    invoices = sorted(books.invoices.values(), key=lambda i: (i.number is None, i.number or "", i.event.order_id))
    FOLDER.mkdir(exist_ok=True)
    write("orders_results", INVOICES, map(invoice_row, invoices))
    of_day = (invoice for invoice in invoices if day_of(invoice.event.occurred_at) == DAY)
    write("invoices", INVOICES, map(invoice_row, of_day))
    write("ledger_entries", ENTRIES, entry_rows(books))


def write(name: str, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Write one file."""
    with (FOLDER / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def invoice_row(invoice: Invoice) -> list[Any]:
    """Return a row of the list of invoices."""
    event = invoice.event
    currency = event.content["currency"]
    paid, rate = rounded(invoice.paid, MINOR_UNITS[currency]), invoice.rate
    return [
        invoice.number, event.order_id, event.content["customer_id"], day_of(event.occurred_at), currency,
        invoice.subtotal, invoice.tax, invoice.total, paid, invoice.status, "EUR",
        None if rate is None else rate.quantize(Decimal("1.0000000000")), invoice.base_total, invoice.version,
    ]  # fmt: skip


def entry_rows(books: Books) -> Iterator[list[Any]]:
    """Yield the entries of the day."""
    orders = {event.event_id: event.order_id for event in sample.events()}
    for key, (kind, day, _, lines) in sorted(books.postings.items()):
        if day != DAY:
            continue
        invoice = books.invoices[orders[key.split(":")[1]]]
        words = {
            "invoice": "Invoice", "payment": "Payment of invoice", "cancellation": "Cancellation of invoice",
            "customer_credit": "Credit of cancelled invoice",
        }  # fmt: skip
        text = f"{words[kind]} {invoice.number}" if invoice.number else f"Payment of order {invoice.event.order_id}"
        for line, (side, account, amount, base) in enumerate(lines, 1):
            yield [
                key, kind, day, line, "house", account, side, f"{amount:.6f}", invoice.event.content["currency"],
                None if base is None else f"{base:.6f}", text,
            ]  # fmt: skip


if __name__ == "__main__":
    main()
