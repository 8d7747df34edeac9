"""The sample vault gives exactly the rows that the specification expects, for two kinds of client."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import run_phases
from tests.golden.compare import compare, load_expected, load_scenarios

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

EXPECTED = ROOT / "tests" / "golden" / "expected"
CLIENTS = {
    "enercity": "expected_oibl_customer.csv",
    "local": "expected_oibl_customer.csv",
    "purpur-energy": "expected_oibl_customer.client_without_folder.csv",
    "q-cells": "expected_oibl_customer.client_without_folder.csv",
}
BY_GLID = """
    select
        case
            when aggregate_id is null then 'open item'
            when billing_account_balance_ouid is null then 'payment allocation'
            when billing_account_balance_ouid <> '' then 'payment balance'
            when tax_item_ouid = '' then 'tax booking'
            else 'charge booking'
        end as row_kind,
        glid,
        count(*) as n_rows,
        count(distinct nullif(applied_billing_charge_ouid, '')) as charges,
        sum(amount_net) as amount_net,
        sum(amount_gross) as amount_gross,
        sum(amount_vat) as amount_vat,
        sum(amount_energy_tax) as amount_energy_tax,
        sum(booking_debit_amount) as debit,
        sum(booking_credit_amount) as credit,
        count(due_date) as with_due_date,
        count(balance_date) as with_balance_date
    from report_oibl.tripica_results
    group by 1, 2
"""


def described(warehouse: psycopg.Connection[Any], query: str) -> Sequence[psycopg.Column]:
    return warehouse.execute(query).description or ()


@pytest.mark.parametrize(("client", "file"), CLIENTS.items())
def test_sample_gives_expected_list(warehouse: psycopg.Connection[Any], client: str, file: str) -> None:
    run_phases(warehouse, SQL_ROOT, client, "init", "release")
    columns = load_expected(warehouse, EXPECTED / file, "expected")
    scenarios = load_scenarios(warehouse, ROOT / "sample" / "scenarios.csv")
    difference = compare(warehouse, "report_oibl.oibl_customer", "expected", columns, scenarios)
    assert not difference, str(difference)


def test_view_has_the_columns_in_order(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    view = [column.name for column in described(warehouse, "select * from report_oibl.oibl_customer limit 0")]
    with (EXPECTED / "expected_oibl_customer.csv").open(encoding="utf-8", newline="") as lines:
        assert view == next(csv.reader(lines))
    archive = (SQL_ROOT / "archive" / "customer" / "oibl.sql").read_text(encoding="utf-8")
    assert view == [column.name for column in described(warehouse, archive)]
    assert len(described(warehouse, "select * from report_oibl.tripica_results limit 0")) == 41


def test_sums_by_family_and_glid(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    warehouse.execute(f"create temporary view by_glid as {BY_GLID}")
    columns = load_expected(warehouse, EXPECTED / "expected_by_glid.csv", "expected")
    difference = compare(warehouse, "by_glid", "expected", columns)
    assert not difference, str(difference)


def test_a_difference_names_columns_and_scenario(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    warehouse.execute(
        """
        update report_oibl.tripica_results set due_date = due_date + 1
        where applied_billing_charge_ouid = '600000020' and aggregate_id is null
        """
    )
    columns = load_expected(warehouse, EXPECTED / "expected_oibl_customer.csv", "expected")
    scenarios = load_scenarios(warehouse, ROOT / "sample" / "scenarios.csv")
    said = str(compare(warehouse, "report_oibl.oibl_customer", "expected", columns, scenarios))
    assert said.startswith("1 rows missing, 1 rows too many")
    assert "[A21_reject_chain_depth_1] differs" in said
    assert "    due_date: expected" in said
    assert "    balance_date" not in said
