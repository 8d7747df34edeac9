"""The journal's tables as Python objects: one class a table, its docstring is the table, its fields are the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from tests.golden.model.columns import Instant, Number, Text


class Summary(NamedTuple):
    """bookkeeper_vault.summaries."""

    uuid: UUID
    create_time: Instant
    file_created_at: Instant
    export: bool | None


class Entry(NamedTuple):
    """bookkeeper_vault.journal_entries."""

    uuid: UUID
    summaries_uuid: UUID | None
    id: Text
    date: date | None


class Item(NamedTuple):
    """bookkeeper_vault.journal_entry_items."""

    uuid: UUID
    journal_entries_uuid: UUID | None
    account: Text
    amount: Number


class Metadata(NamedTuple):
    """bookkeeper_vault.journal_entry_item_account_metadata."""

    journal_entry_items_uuid: UUID | None
    type: Text
    key: Text
    value: Text


class Source(NamedTuple):
    """bookkeeper_vault.journal_entry_item_sources."""

    uuid: UUID
    journal_entry_items_uuid: UUID | None


class SourceItem(NamedTuple):
    """bookkeeper_vault.journal_entry_item_source_items."""

    journal_entry_item_sources_uuid: UUID | None
    tax_index: Number
    amount: Number
    amount_formula: Text
    transaction_items_uuid: UUID | None
    transaction_item_taxes_uuid: UUID | None


class ItemTax(NamedTuple):
    """bookkeeper_vault.journal_entry_item_taxes."""

    uuid: UUID
    journal_entry_items_uuid: UUID | None
    amount: Number


class TaxSource(NamedTuple):
    """bookkeeper_vault.journal_entry_item_tax_sources."""

    uuid: UUID
    journal_entry_item_taxes_uuid: UUID | None


class TaxSourceItem(NamedTuple):
    """bookkeeper_vault.journal_entry_item_tax_source_items."""

    journal_entry_item_tax_sources_uuid: UUID | None
    amount: Number
    base_amount: Number
    amount_formula: Text
    transaction_items_uuid: UUID | None


class TransactionItem(NamedTuple):
    """bookkeeper_vault.transaction_items."""

    uuid: UUID
    external_reference: Text


class TransactionItemTax(NamedTuple):
    """bookkeeper_vault.transaction_item_taxes."""

    uuid: UUID
    external_reference: Text
