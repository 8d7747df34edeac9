"""Journal: posting lines, tax lines and headers of the exported summaries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import BIGINT, earliest, first, german, grouped, outer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from uuid import UUID

    from tests.golden.model.journal_sources import Entry, Item, Summary
    from tests.golden.model.vault import Vault


NO_VALUE = "/"
_EMPTY = dict.fromkeys(("kostl", "newbk", "prced", "sgtxt", "vbund", "zterm", "zuonr", "psegment"), NO_VALUE)
#: Columns that say the same in every row; rows of the model leave them out.
POSTING_CONSTANTS: dict[str, str | int] = {
    **{"booking_execution_id": -1, "booking_src": "bbseg", "key": "", "ba": "ED", "bukrs": "100"},
    **_EMPTY,
}
TAX_CONSTANTS: dict[str, str | int] = {
    **{"bbtax_booking_execution_id": -1, "key": NO_VALUE, "aufnr": NO_VALUE, "gsber": NO_VALUE, "xstba": NO_VALUE},
    **_EMPTY,
}


class Booking(NamedTuple):
    """A posting line (data_sap_bookings) without its constant columns."""

    booking_created: date | None
    budat: date | None
    beldat: date | None
    aufnr: str
    gsber: str
    mwskz: str
    newbs: str
    newko: str | None
    wrbed_aggregate: str | None
    wrbed_total: str | None
    xblnr: str | None
    xstba: str
    aggregate_id: str | None
    amount_calculation: str | None
    tax_aggregate_ouid: int | None


class TaxLine(NamedTuple):
    """A tax line (base_data_bbtax) without its constant columns; its date is called ``bbtax_booking_created`` there."""

    booking_created: date | None
    mwskz: str
    newbs: str
    newko: str | None
    xblnr: str | None
    wrbed: str | None
    fwbas: str | None
    aggregate_id: str | None
    amount_calculation: str | None


class Header(NamedTuple):
    """A document header (base_data_bbkpf)."""

    budat: date | None
    xbelnr: str | None


def headers(vault: Vault) -> list[Header]:
    """One row per journal entry of an exported summary."""
    return [Header(entry.date, entry.id) for _, entry in _exported_entries(vault)]


def bookings(vault: Vault) -> list[Booking]:
    """Exported summary, entry, item; then left joined sources, source items, transaction items and their taxes."""
    metadata = _Metadata(vault)
    sources = grouped(vault.item_sources, lambda row: row.journal_entry_items_uuid)
    source_items = grouped(vault.source_items, lambda row: row.journal_entry_item_sources_uuid)
    transaction_items = grouped(vault.transaction_items, lambda row: row.uuid)
    taxes = grouped(vault.transaction_item_taxes, lambda row: row.uuid)
    return [
        Booking(
            booking_created=_booking_created(summary),
            budat=entry.date,
            beldat=None if summary.create_time is None else summary.create_time.date(),
            aufnr=first(metadata.value(item, "aufnr"), NO_VALUE) or "",
            gsber=first(metadata.value(item, "gsber"), NO_VALUE) or "",
            mwskz=first(metadata.value(item, "mwskz"), NO_VALUE) or "",
            newbs=_posting_key(item.amount),
            newko=item.account,
            wrbed_aggregate=german(source_item.amount) if source_item else None,
            wrbed_total=german(item.amount),
            xblnr=entry.id,
            xstba=NO_VALUE if source_item is None or source_item.tax_index is None else "X",
            aggregate_id=transaction_item.external_reference if transaction_item else None,
            amount_calculation=source_item.amount_formula if source_item else None,
            tax_aggregate_ouid=_digits(tax.external_reference if tax else None),
        )
        for summary, entry, item in _exported_items(vault)
        for source in outer(sources.get(item.uuid))
        for source_item in outer(source_items.get(source.uuid) if source else None)
        for transaction_item in outer(
            transaction_items.get(source_item.transaction_items_uuid) if source_item else None
        )
        for tax in outer(taxes.get(source_item.transaction_item_taxes_uuid) if source_item else None)
    ]


def tax_lines(vault: Vault, accounts: dict[str, str]) -> list[TaxLine]:
    """Exported summary, entry, item, item tax, tax source; then left joined tax source items."""
    metadata = _Metadata(vault)
    item_taxes = grouped(vault.item_taxes, lambda row: row.journal_entry_items_uuid)
    tax_sources = grouped(vault.tax_sources, lambda row: row.journal_entry_item_taxes_uuid)
    source_items = grouped(vault.tax_source_items, lambda row: row.journal_entry_item_tax_sources_uuid)
    transaction_items = grouped(vault.transaction_items, lambda row: row.uuid)
    return [
        TaxLine(
            booking_created=_booking_created(summary),
            mwskz=first(metadata.value(item, "mwskz"), NO_VALUE) or "",
            newbs=_posting_key(item_tax.amount),
            newko=accounts.get(metadata.value(item, "mwskz") or ""),
            xblnr=entry.id,
            wrbed=german(source_item.amount) if source_item else None,
            fwbas=german(source_item.base_amount) if source_item else None,
            aggregate_id=transaction_item.external_reference if transaction_item else None,
            amount_calculation=source_item.amount_formula if source_item else None,
        )
        for summary, entry, item in _exported_items(vault)
        for item_tax in item_taxes.get(item.uuid, [])
        for source in tax_sources.get(item_tax.uuid, [])
        for source_item in outer(source_items.get(source.uuid))
        for transaction_item in outer(
            transaction_items.get(source_item.transaction_items_uuid) if source_item else None
        )
    ]


class _Metadata:
    """Item metadata: per item and key the maximum value in text order, of the types rfbibl and schleupen."""

    def __init__(self, vault: Vault) -> None:
        rows = [row for row in vault.metadata if row.type in ("rfbibl", "schleupen") and row.value is not None]
        self._rows = grouped(rows, lambda row: (row.journal_entry_items_uuid, row.key))

    def value(self, item: Item, key: str) -> str | None:
        values = [row.value for row in self._rows.get((item.uuid, key), [])]
        return max((value for value in values if value is not None), default=None)


def _exported_entries(vault: Vault) -> Iterator[tuple[Summary, Entry]]:
    summaries = grouped((row for row in vault.summaries if row.export), lambda row: row.uuid)
    for entry in vault.entries:
        for summary in summaries.get(entry.summaries_uuid, []):
            yield summary, entry


def _exported_items(vault: Vault) -> Iterator[tuple[Summary, Entry, Item]]:
    items: dict[UUID | None, list[Item]] = grouped(vault.items, lambda row: row.journal_entries_uuid)
    for summary, entry in _exported_entries(vault):
        for item in items.get(entry.uuid, []):
            yield summary, entry, item


def _booking_created(summary: Summary) -> date | None:
    """Earlier of the dates of file_created_at and create_time; a null is ignored."""
    times = (summary.file_created_at, summary.create_time)
    return earliest(None if time is None else time.date() for time in times)


def _posting_key(amount: int | None) -> str:
    """50 (credit) below zero, else 40 (debit); zero and null are 40."""
    return "50" if amount is not None and amount < 0 else "40"


def _digits(text: str | None) -> int | None:
    """Tax aggregate ouid; a reference that is no bigint is skipped (defect D6), the line stays."""
    if text is None or not re.fullmatch(r"[0-9]+", text) or int(text) >= BIGINT:
        return None
    return int(text)
