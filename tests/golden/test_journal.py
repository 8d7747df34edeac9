"""The journal tables equal a second derivation in Python, the specification's row counts and hand-picked rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import run_phases
from tests.golden.model.client_data import vat_accounts
from tests.golden.model.journal import POSTING_CONSTANTS, TAX_CONSTANTS, bookings, tax_lines
from tests.golden.model.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

ORDER = (
    *("booking_execution_id", "booking_created", "booking_src", "key", "ba", "budat", "bukrs", "beldat", "aufnr"),
    *("gsber", "kostl", "mwskz", "newbk", "newbs", "newko", "prced", "sgtxt", "vbund", "wrbed_aggregate"),
    *("wrbed_total", "xblnr", "xstba", "zterm", "zuonr", "psegment", "aggregate_id", "amount_calculation"),
    "tax_aggregate_ouid",
)
TAX_ORDER = (
    *("bbtax_booking_execution_id", "bbtax_booking_created", "key", "aufnr", "gsber", "kostl", "mwskz", "newbk"),
    *("newbs", "newko", "prced", "sgtxt", "vbund", "wrbed", "fwbas", "xblnr", "xstba", "zterm", "zuonr", "psegment"),
    *("aggregate_id", "amount_calculation"),
)
CLIENTS = ("enercity", "local", "q-cells", "purpur-energy", "lynqtech")
# The other tables leave out rows without effect: missing transactions and charge numbers, dates that are not shown.
SAME_AS_SPECIFIED = (
    "base_data_bbkpf",
    "base_data_bbtax",
    "base_data_billing_accounts",
    "base_data_balance_date",
    "base_data_charge_specific_due_date",
    "base_data_dunning",
    "base_data_taxes",
    "base_data_vat_aggregate_sign",
    "client_data_due_charge_type",
    "client_data_vat_booking_accounts",
    "data_balances",
    "data_charges",
    "data_due_cancelled_charges",
    "data_overpayment_balance_dates",
    "data_sap_bookings",
    "tax_amounts_per_tax_aggregate",
)


def rows(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> Counter[tuple[Any, ...]]:
    return Counter(connection.execute(f"select {', '.join(columns)} from report_oibl.{table}").fetchall())


def posting_lines(connection: psycopg.Connection[Any]) -> Counter[tuple[Any, ...]]:
    """Return the model's posting lines with all columns."""
    found = (booking._asdict() | POSTING_CONSTANTS for booking in bookings(read_vault(connection)))
    return Counter(tuple(row[name] for name in ORDER) for row in found)


def tax_lines_of(connection: psycopg.Connection[Any], client: str) -> Counter[tuple[Any, ...]]:
    """Return the model's tax lines with all columns."""
    lines = tax_lines(read_vault(connection), vat_accounts(client))
    found = (line._asdict() | TAX_CONSTANTS | {"bbtax_booking_created": line.booking_created} for line in lines)
    return Counter(tuple(row[name] for name in TAX_ORDER) for row in found)


@pytest.mark.parametrize("client", CLIENTS)
def test_vat_booking_accounts_of_each_client(warehouse: psycopg.Connection[Any], client: str) -> None:
    run_phases(warehouse, SQL_ROOT, client, "init", systems=("bookkeeper",))
    found = warehouse.execute("select mwskz, account from report_oibl.client_data_vat_booking_accounts").fetchall()
    assert dict(found) == vat_accounts(client)


def test_sap_bookings_equal_the_model(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", systems=("bookkeeper",))
    columns = warehouse.execute("select * from report_oibl.bookkeeper_results limit 0").description or ()
    assert tuple(column.name for column in columns) == ORDER
    assert rows(warehouse, "bookkeeper_results", ORDER) == posting_lines(warehouse)


@pytest.mark.parametrize("client", ["enercity", "purpur-energy"])
def test_tax_lines_equal_the_model(warehouse: psycopg.Connection[Any], client: str) -> None:
    run_phases(warehouse, SQL_ROOT, client, "init", systems=("bookkeeper",))
    assert rows(warehouse, "base_data_bbtax", TAX_ORDER) == tax_lines_of(warehouse, client)


def test_document_heads_equal_the_exported_entries(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", systems=("bookkeeper",))
    exported = {
        row[0] for row in warehouse.execute("select uuid from bookkeeper_vault.summaries where export").fetchall()
    }
    entries = warehouse.execute("select date, id, summaries_uuid from bookkeeper_vault.journal_entries").fetchall()
    expected = Counter((day, number) for day, number, summary in entries if summary in exported)
    assert rows(warehouse, "base_data_bbkpf", ["budat", "xbelnr"]) == expected


def test_lines_of_one_document(warehouse: psycopg.Connection[Any]) -> None:
    """The bonus of scenario H14, posted on 2020-11-12: debit on the income account, German amounts without sign."""
    run_phases(warehouse, SQL_ROOT, "enercity", "init", systems=("bookkeeper",))
    found = warehouse.execute(
        """
        select booking_created, budat, wrbed_aggregate, wrbed_total, amount_calculation
        from report_oibl.data_sap_bookings
        where xblnr = 'BR_TRPC-012015' and newko = '41990000' and newbs = '40'
        order by amount_calculation
        """
    ).fetchall()
    day = date(2020, 11, 12)
    assert {(row[0], row[1]) for row in found} == {(day, day)}
    assert {"TaxIncludedAmount - VAT", "VATExcludedAmount - GASTAX"} <= {row[4] for row in found}
    assert all(re.fullmatch(r"\d+,\d\d", row[2]) and re.fullmatch(r"\d+,\d\d", row[3]) for row in found)


def test_row_counts_as_specified(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init")
    with (ROOT / "tests/golden/expected/expected_table_counts.csv").open(encoding="utf-8", newline="") as lines:
        specified = {row["tbl"]: int(row["n_rows"]) for row in csv.DictReader(lines)}
    counted = {
        table: warehouse.execute(f"select count(*) from report_oibl.{table}").fetchall()[0][0]
        for table in SAME_AS_SPECIFIED
    }
    assert counted == {table: specified[table] for table in SAME_AS_SPECIFIED}
    listed = warehouse.execute("select count(*) from report_oibl.new_tripica_results").fetchone()
    assert listed == (specified["oibl_tripica"],)
