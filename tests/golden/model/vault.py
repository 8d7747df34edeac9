"""Reads all source tables of one warehouse into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from psycopg import sql
from psycopg.rows import class_row

from tests.golden.model import billing_sources, journal_sources, receivables_sources

if TYPE_CHECKING:
    from collections.abc import Iterable


class Vault(NamedTuple):
    """Every source table as the list of its rows, in any order."""

    accounts: list[billing_sources.Account]
    relationships: list[billing_sources.Relationship]
    logins: list[billing_sources.Login]
    charges: list[billing_sources.Charge]
    tax_rows: list[billing_sources.TaxRow]
    balances: list[billing_sources.Balance]
    requests: list[billing_sources.PaymentRequest]
    payment_items: list[billing_sources.PaymentItem]
    advices: list[billing_sources.Advice]
    products: list[billing_sources.Product]
    order_items: list[billing_sources.OrderItem]
    orders: list[billing_sources.ProductOrder]
    notes: list[billing_sources.Note]
    charge_aggregates: list[billing_sources.ChargeAggregate]
    tax_aggregates: list[billing_sources.TaxAggregate]
    summaries: list[journal_sources.Summary]
    entries: list[journal_sources.Entry]
    items: list[journal_sources.Item]
    metadata: list[journal_sources.Metadata]
    item_sources: list[journal_sources.Source]
    source_items: list[journal_sources.SourceItem]
    item_taxes: list[journal_sources.ItemTax]
    tax_sources: list[journal_sources.TaxSource]
    tax_source_items: list[journal_sources.TaxSourceItem]
    transaction_items: list[journal_sources.TransactionItem]
    transaction_item_taxes: list[journal_sources.TransactionItemTax]
    cases: list[receivables_sources.Case]
    case_claims: list[receivables_sources.CaseClaim]
    locks: list[receivables_sources.Lock]
    pas_bookings: list[receivables_sources.PasBooking]
    pas_payments: list[receivables_sources.PasPayment]
    pas_states: list[receivables_sources.PasState]


def read_vault(connection: Any) -> Vault:
    """Read all tables on a psycopg connection; instants come with a zone, journal times without, as stored."""
    return Vault(**{name: _read(connection, get_args(rows)[0]) for name, rows in _tables()})


def _tables() -> Iterable[tuple[str, Any]]:
    modules = {
        "billing_sources": billing_sources,
        "journal_sources": journal_sources,
        "receivables_sources": receivables_sources,
    }
    return get_type_hints(Vault, modules).items()


def _read(connection: Any, kind: Any) -> list[Any]:
    schema, table = kind.__doc__.rstrip(".").split(".")
    columns = sql.SQL(", ").join(_column(name) for name in kind._fields)
    query = sql.SQL("select {} from {}").format(columns, sql.Identifier(schema, table))
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        rows: list[Any] = cursor.execute(query).fetchall()
    return rows


def _column(name: str) -> sql.Composed:
    # JSON as text: rows stay hashable.
    cast = "{0}::text as {0}" if name == "characteristics" else "{0}"
    return sql.SQL(cast).format(sql.Identifier(name))
