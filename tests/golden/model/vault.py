"""Reads all source tables of one warehouse into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from psycopg import sql
from psycopg.rows import class_row

from tests.golden.model import sources

if TYPE_CHECKING:
    from collections.abc import Iterable


class Vault(NamedTuple):
    """Every source table as the list of its rows, in any order."""

    accounts: list[sources.Account]
    relationships: list[sources.Relationship]
    logins: list[sources.Login]
    charges: list[sources.Charge]
    tax_rows: list[sources.TaxRow]
    balances: list[sources.Balance]
    requests: list[sources.PaymentRequest]
    payment_items: list[sources.PaymentItem]
    advices: list[sources.Advice]
    products: list[sources.Product]
    order_items: list[sources.OrderItem]
    orders: list[sources.ProductOrder]
    notes: list[sources.Note]
    charge_aggregates: list[sources.ChargeAggregate]
    tax_aggregates: list[sources.TaxAggregate]
    summaries: list[sources.Summary]
    entries: list[sources.Entry]
    items: list[sources.Item]
    metadata: list[sources.Metadata]
    item_sources: list[sources.Source]
    source_items: list[sources.SourceItem]
    item_taxes: list[sources.ItemTax]
    tax_sources: list[sources.TaxSource]
    tax_source_items: list[sources.TaxSourceItem]
    transaction_items: list[sources.TransactionItem]
    transaction_item_taxes: list[sources.TransactionItemTax]
    cases: list[sources.Case]
    case_claims: list[sources.CaseClaim]
    locks: list[sources.Lock]
    pas_bookings: list[sources.PasBooking]
    pas_payments: list[sources.PasPayment]
    pas_states: list[sources.PasState]


def read_vault(connection: Any) -> Vault:
    """Read all tables on a psycopg connection; instants come with a zone, journal times without, as stored."""
    return Vault(**{name: _read(connection, get_args(rows)[0]) for name, rows in _tables()})


def _tables() -> Iterable[tuple[str, Any]]:
    return get_type_hints(Vault, {"sources": sources}).items()


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
