"""The journal tables of the specification, section 6, derived a second time: row by row in Python, from the vault."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator

Record = dict[str, Any]
NO_VALUE = "/"
SLASHES = ("kostl", "newbk", "prced", "sgtxt", "vbund", "zterm", "zuonr", "psegment")
ORDER = [
    "booking_execution_id",
    "booking_created",
    "booking_src",
    "key",
    "ba",
    "budat",
    "bukrs",
    "beldat",
    "aufnr",
    "gsber",
    "kostl",
    "mwskz",
    "newbk",
    "newbs",
    "newko",
    "prced",
    "sgtxt",
    "vbund",
    "wrbed_aggregate",
    "wrbed_total",
    "xblnr",
    "xstba",
    "zterm",
    "zuonr",
    "psegment",
    "aggregate_id",
    "amount_calculation",
    "tax_aggregate_ouid",
]
TAX_ORDER = [
    "bbtax_booking_execution_id",
    "bbtax_booking_created",
    "key",
    "aufnr",
    "gsber",
    "kostl",
    "mwskz",
    "newbk",
    "newbs",
    "newko",
    "prced",
    "sgtxt",
    "vbund",
    "wrbed",
    "fwbas",
    "xblnr",
    "xstba",
    "zterm",
    "zuonr",
    "psegment",
    "aggregate_id",
    "amount_calculation",
]


class Journal:
    """The vault's journal in memory; small vaults only."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.items = list(self._exported_items())
        self.sources = self._children("journal_entry_item_sources", "journal_entry_items_uuid")
        self.source_items = self._children("journal_entry_item_source_items", "journal_entry_item_sources_uuid")
        self.references = {row["uuid"]: row["external_reference"] for row in self._rows("transaction_items")}
        self.tax_references = {row["uuid"]: row["external_reference"] for row in self._rows("transaction_item_taxes")}

    def sap_bookings(self) -> Iterator[Record]:
        """Yield the rows of section 6.1."""
        for item in self.items:
            leaves = [
                leaf for source in self.sources[item["uuid"]] for leaf in self.source_items[source["uuid"]] or [{}]
            ]
            for leaf in leaves or [{}]:
                reference = self.tax_references.get(leaf.get("transaction_item_taxes_uuid"))
                yield {
                    "booking_execution_id": -1,
                    "booking_created": item["created"],
                    "booking_src": "bbseg",
                    "key": "",
                    "ba": "ED",
                    "budat": item["budat"],
                    "bukrs": "100",
                    "beldat": item["beldat"],
                    **{name: item["metadata"].get(name, NO_VALUE) for name in ("aufnr", "gsber", "mwskz")},
                    **dict.fromkeys(SLASHES, NO_VALUE),
                    "newbs": posting_key(item["amount"]),
                    "newko": item["account"],
                    "wrbed_aggregate": german(leaf.get("amount")),
                    "wrbed_total": german(item["amount"]),
                    "xblnr": item["xblnr"],
                    "xstba": NO_VALUE if leaf.get("tax_index") is None else "X",
                    "aggregate_id": self.references.get(leaf.get("transaction_items_uuid")),
                    "amount_calculation": leaf.get("amount_formula"),
                    "tax_aggregate_ouid": None if reference is None else int(reference),
                }

    def tax_lines(self, accounts: dict[str, str]) -> Iterator[Record]:
        """Yield the rows of section 6.2; *accounts* maps tax code to booking account."""
        taxes = self._children("journal_entry_item_taxes", "journal_entry_items_uuid")
        sources = self._children("journal_entry_item_tax_sources", "journal_entry_item_taxes_uuid")
        leaves = self._children("journal_entry_item_tax_source_items", "journal_entry_item_tax_sources_uuid")
        for item in self.items:
            for tax in taxes[item["uuid"]]:
                for source in sources[tax["uuid"]]:
                    for leaf in leaves[source["uuid"]] or [{}]:
                        code = item["metadata"].get("mwskz")
                        row: Record = dict.fromkeys(TAX_ORDER, NO_VALUE)
                        yield row | {
                            "bbtax_booking_execution_id": -1,
                            "bbtax_booking_created": item["created"],
                            "mwskz": code or NO_VALUE,
                            "newbs": posting_key(tax["amount"]),
                            "newko": accounts.get(code),
                            "wrbed": german(leaf.get("amount")),
                            "fwbas": german(leaf.get("base_amount")),
                            "xblnr": item["xblnr"],
                            "aggregate_id": self.references.get(leaf.get("transaction_items_uuid")),
                            "amount_calculation": leaf.get("amount_formula"),
                        }

    def _rows(self, table: str) -> list[Record]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return list(cursor.execute(f"select * from bookkeeper_vault.{table}"))

    def _children(self, table: str, parent: str) -> defaultdict[Any, list[Record]]:
        found: defaultdict[Any, list[Record]] = defaultdict(list)
        for row in self._rows(table):
            found[row[parent]].append(row)
        return found

    def _exported_items(self) -> Iterator[Record]:
        metadata = self._children("journal_entry_item_account_metadata", "journal_entry_items_uuid")
        entries = self._children("journal_entries", "summaries_uuid")
        items = self._children("journal_entry_items", "journal_entries_uuid")
        for summary in self._rows("summaries"):
            if summary["export"] is not True:
                continue
            instants = [summary["create_time"], summary["file_created_at"]]
            days = [instant.date() for instant in instants if instant is not None]
            for entry in entries[summary["uuid"]]:
                for item in items[entry["uuid"]]:
                    yield item | {
                        "created": min(days, default=None),
                        "beldat": summary["create_time"] and summary["create_time"].date(),
                        "budat": entry["date"],
                        "xblnr": entry["id"],
                        "metadata": greatest_values(metadata[item["uuid"]]),
                    }


def greatest_values(rows: list[Record]) -> dict[str, str]:
    """Return key → greatest value of the metadata rows that SAP is told about."""
    found: dict[str, str] = {}
    for row in rows:
        if row["type"] in ("rfbibl", "schleupen") and row["value"] is not None:
            found[row["key"]] = max(found.get(row["key"], ""), row["value"])
    return found


def posting_key(cents: int | None) -> str:
    """Return 50 (credit) below zero, else 40 (debit)."""
    return "50" if cents is not None and cents < 0 else "40"


def german(cents: int | None) -> str | None:
    """Return cents without sign as German decimal text."""
    return None if cents is None else f"{abs(cents) // 100},{abs(cents) % 100:02d}"
