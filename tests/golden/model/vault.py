"""Reads all source tables of one warehouse into memory."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args, get_type_hints

from psycopg import sql
from psycopg.rows import class_row

from tests.golden.model.sources import (
    Account,
    Advice,
    Balance,
    Case,
    CaseClaim,
    Charge,
    ChargeAggregate,
    Entry,
    Item,
    ItemTax,
    Lock,
    Login,
    Metadata,
    Note,
    OrderItem,
    PasBooking,
    PasPayment,
    PasState,
    PaymentItem,
    PaymentRequest,
    Product,
    ProductOrder,
    Relationship,
    Source,
    SourceItem,
    Summary,
    TaxAggregate,
    TaxRow,
    TaxSource,
    TaxSourceItem,
    TransactionItem,
    TransactionItemTax,
)


class Vault(NamedTuple):
    """Every source table as the list of its rows, in any order."""

    accounts: list[Account]
    relationships: list[Relationship]
    logins: list[Login]
    charges: list[Charge]
    tax_rows: list[TaxRow]
    balances: list[Balance]
    requests: list[PaymentRequest]
    payment_items: list[PaymentItem]
    advices: list[Advice]
    products: list[Product]
    order_items: list[OrderItem]
    orders: list[ProductOrder]
    notes: list[Note]
    charge_aggregates: list[ChargeAggregate]
    tax_aggregates: list[TaxAggregate]
    summaries: list[Summary]
    entries: list[Entry]
    items: list[Item]
    metadata: list[Metadata]
    sources: list[Source]
    source_items: list[SourceItem]
    item_taxes: list[ItemTax]
    tax_sources: list[TaxSource]
    tax_source_items: list[TaxSourceItem]
    transaction_items: list[TransactionItem]
    transaction_item_taxes: list[TransactionItemTax]
    cases: list[Case]
    case_claims: list[CaseClaim]
    locks: list[Lock]
    pas_bookings: list[PasBooking]
    pas_payments: list[PasPayment]
    pas_states: list[PasState]


def read_vault(connection: Any) -> Vault:
    """Read all tables on a psycopg connection; instants come with a zone, journal times without, as stored."""
    return Vault(**{name: _read(connection, get_args(rows)[0]) for name, rows in get_type_hints(Vault).items()})


def _read(connection: Any, kind: Any) -> list[Any]:
    schema, table = kind.__doc__.split(".")
    columns = sql.SQL(", ").join(_column(name) for name in kind._fields)
    query = sql.SQL("select {} from {}").format(columns, sql.Identifier(schema, table))
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        rows: list[Any] = cursor.execute(query).fetchall()
    return rows


def _column(name: str) -> sql.Composed:
    # JSON as text: rows stay hashable.
    cast = "{0}::text as {0}" if name == "characteristics" else "{0}"
    return sql.SQL(cast).format(sql.Identifier(name))
