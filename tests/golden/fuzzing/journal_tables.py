"""What may be changed of the journal: entries, their items, their sources and taxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.columns import AGGREGATE, CENTS, OTHER, Column, chosen

if TYPE_CHECKING:
    from tests.golden.fuzzing.columns import Tables

FORMULA = Column(chosen(values.FORMULAS))
JOURNAL_TABLES: Tables = {
    "bookkeeper_vault.summaries": (
        "uuid",
        8,
        {
            "create_time": Column(values.journal_time),
            "file_created_at": Column(values.journal_time),
            "export": Column(chosen(("true", "true", "false", None))),
        },
    ),
    "bookkeeper_vault.journal_entries": (
        "uuid",
        5,
        {
            "summaries_uuid": OTHER,
            "id": Column(chosen(("BR_TRPC-012001", "BRXTRPC-1", "BR_MAN", "br_trpc-1", "BR_REBK-2"))),
            "date": Column(values.day),
        },
    ),
    "bookkeeper_vault.journal_entry_items": (
        "uuid",
        10,
        {
            "journal_entries_uuid": OTHER,
            "account": Column(chosen(values.LEDGERS)),
            "amount": CENTS,
        },
    ),
    "bookkeeper_vault.journal_entry_item_account_metadata": (
        "uuid",
        5,
        {
            "journal_entry_items_uuid": Column(like="bookkeeper_vault.journal_entry_items.uuid"),
            "type": Column(chosen(("rfbibl", "schleupen", "RFBIBL", "other"))),
            "key": Column(chosen(("mwskz", "aufnr", "gsber", "x"))),
            "value": Column(chosen(values.TAX_CODES)),
        },
    ),
    "bookkeeper_vault.journal_entry_item_sources": ("uuid", 3, {"journal_entry_items_uuid": OTHER}),
    "bookkeeper_vault.journal_entry_item_source_items": (
        "uuid",
        20,
        {
            "journal_entry_item_sources_uuid": OTHER,
            "amount_formula": FORMULA,
            "transaction_items_uuid": OTHER,
            "transaction_item_taxes_uuid": Column(like="bookkeeper_vault.transaction_item_taxes.uuid"),
        },
    ),
    "bookkeeper_vault.journal_entry_item_taxes": ("uuid", 4, {"journal_entry_items_uuid": OTHER, "amount": CENTS}),
    "bookkeeper_vault.journal_entry_item_tax_sources": ("uuid", 2, {"journal_entry_item_taxes_uuid": OTHER}),
    "bookkeeper_vault.journal_entry_item_tax_source_items": (
        "uuid",
        6,
        {
            "journal_entry_item_tax_sources_uuid": OTHER,
            "amount": CENTS,
            "base_amount": CENTS,
            "amount_formula": FORMULA,
            "transaction_items_uuid": Column(like="bookkeeper_vault.transaction_items.uuid"),
        },
    ),
    "bookkeeper_vault.transaction_items": ("uuid", 4, {"external_reference": AGGREGATE}),
    "bookkeeper_vault.transaction_item_taxes": (
        "uuid",
        3,
        {
            "external_reference": Column(
                chosen(("85000001", "12a", "", "99999999999999999999", None)), like="datalake_vault.tax_aggregate.ouid"
            ),
        },
    ),
}
