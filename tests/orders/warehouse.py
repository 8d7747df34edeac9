"""A warehouse with the durable tables, the posting of a batch as the feed does it, and what is in the books."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from billing_aggregator.migrations import apply_migrations, find_migrations
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import folder_scripts
from tests.conftest import SQL_ROOT
from tests.orders.model import MINOR_UNITS, Books, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tests.orders.model import Rates

SETTINGS = {
    "client": "webshop", "timezone": "Europe/Berlin", "base_currency": "EUR", "tax_region": "DE",
    "tax_class": "standard",
}  # fmt: skip
TABLES = (
    "orders_vault.order_event", "orders_vault.rejected_event", "orders_vault.pending_event", "billing.invoice_lines",
    "billing.invoices", "billing.outbox", "billing.waiting_event", "billing.invoice_counter", "billing.tax_rate",
    "billing.fx_rate",
)  # fmt: skip


def migrate(connection: psycopg.Connection[Any]) -> None:
    """Bring the durable tables of the orders up to date."""
    apply_migrations(connection, find_migrations(SQL_ROOT, ["orders"]))


def posting_text() -> str:
    """Return the posting scripts as one."""
    return "\n".join(script.read() for script in folder_scripts(SQL_ROOT / "feeds" / "orders", SQL_ROOT, "base"))


def post(connection: psycopg.Connection[Any], text: str = "") -> None:
    """Post what was taken in, in one transaction, by *text* instead of the scripts where it is given."""
    run_script(connection, text or posting_text(), SETTINGS)


def write_rates(connection: psycopg.Connection[Any], rates: Rates) -> None:
    """Fill the tables of rates."""
    for (region, tax_class, day), rate in rates.tax.items():
        row = [region, tax_class, rate, day]
        connection.execute("insert into billing.tax_rate values (%s, %s, %s, %s) on conflict do nothing", row)
    for (currency, day), rate in rates.exchange.items():
        row = [currency, day, rate]
        connection.execute("insert into billing.fx_rate values (%s, 'EUR', %s, %s) on conflict do nothing", row)
    connection.commit()


def empty(connection: psycopg.Connection[Any]) -> None:
    """Empty all tables; a superuser's connection: the ledger's guards have to be switched off for this."""
    connection.execute("set session_replication_role = replica")
    connection.execute(f"truncate {', '.join(TABLES)}".encode())
    connection.execute("truncate ledger.transaction, ledger.entry, ledger.account_total, ledger.closed_month")
    connection.execute("set session_replication_role = origin")
    connection.commit()


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """Return the rows of *query*."""
    found = connection.execute(query.encode()).fetchall()
    connection.commit()
    return found


def in_database(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return the books of the database: see :func:`in_model`."""
    postings: dict[str, Any] = {}
    for key, kind, day, reverses, *line in rows(connection, POSTINGS):
        postings.setdefault(key, (kind, day, reverses, []))[3].append(tuple(line))
    told = defaultdict(list)
    for order, *message in rows(connection, TOLD):
        told[order].append(tuple(message))
    return {
        "invoices": {row[0]: row[1:] for row in rows(connection, INVOICES)},
        "postings": postings,
        "told": dict(told),
        "rejected": dict(rows(connection, REJECTED)),
        "waiting": {row[0] for row in rows(connection, "select event_id from billing.waiting_event")},
    }


def in_model(books: Books) -> dict[str, Any]:
    """Return the books of the model: invoices, postings, messages, rejected and waiting events."""
    return {
        "invoices": dict(_invoices(books)),
        "postings": books.postings,
        "told": books.told,
        "rejected": books.rejected,
        "waiting": {event.event_id for events in books.waiting.values() for event in events},
    }


def without_numbers(books: dict[str, Any]) -> dict[str, Any]:
    """Return the books with invoice numbers as yes or no: batches may be numbered in another order."""
    invoices = {order: (row[0] is not None, *row[1:]) for order, row in books["invoices"].items()}
    return books | {"invoices": invoices}


def _invoices(books: Books) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for order, invoice in books.invoices.items():
        currency = invoice.event.content["currency"]
        yield order, (
            invoice.number, currency, invoice.subtotal, invoice.tax, invoice.total, invoice.rate, invoice.base_total,
            invoice.status, rounded(invoice.paid, MINOR_UNITS[currency]), invoice.version,
        )  # fmt: skip


INVOICES = """
select order_id, invoice_number, currency, subtotal, tax, total, fx_rate, base_total, status, paid, version
from billing.invoices
"""
POSTINGS = """
select posting.idempotency_key, posting.kind, posting.business_date, reversed.idempotency_key,
    entry.side, account.code, entry.amount, entry.base_amount
from ledger.transaction as posting
join ledger.entry on entry.transaction_id = posting.transaction_id
join ledger.account on account.account_id = entry.account_id
left join ledger.transaction as reversed on reversed.transaction_id = posting.reverses
order by posting.idempotency_key, entry.line
"""
TOLD = """
select order_id, event_type, payload_json ->> 'status', (payload_json ->> 'paid')::numeric,
    (payload_json ->> 'version')::integer
from billing.outbox
join billing.invoices on invoices.id::text = outbox.aggregate_id
order by outbox.id
"""
REJECTED = """
select event.event_id, rejected.reason
from orders_vault.rejected_event as rejected
join orders_vault.order_event as event using (topic, partition, "offset")
"""
