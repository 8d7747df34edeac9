"""More scenarios than the sample has: decoys that must change nothing, and changes derived by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import run_phases
from tests.golden.compare import compare, load_expected
from tests.golden.test_journal import ORDER, TAX_ORDER, posting_lines, rows, tax_lines_of

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

GOLDEN = ROOT / "tests" / "golden"
EXPECTED = GOLDEN / "expected" / "expected_oibl_customer.csv"


def plant_extra_scenarios(postgres: EmbeddedPostgres, database: str) -> None:
    """Add the scenarios of extra_vault.sql to a warehouse with the sample vault."""
    with psycopg.connect(postgres.dsn(database)) as vault:
        vault.execute((GOLDEN / "extra_vault.sql").read_text(encoding="utf-8"))


def load_extra_expected(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Load the sample's expected rows and change them by extra_expected.sql; return the columns."""
    columns = load_expected(connection, EXPECTED, "expected")
    connection.execute((GOLDEN / "extra_expected.sql").read_text(encoding="utf-8"))
    return columns


def test_extra_scenarios(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    plant_extra_scenarios(postgres, warehouse.info.dbname)
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    columns = load_extra_expected(warehouse)
    difference = compare(warehouse, "report_oibl.oibl_customer", "expected", columns)
    assert not difference, str(difference)


def test_journal_of_the_extra_scenarios(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    plant_extra_scenarios(postgres, warehouse.info.dbname)
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    assert rows(warehouse, "bookkeeper_results", ORDER) == posting_lines(warehouse)
    assert rows(warehouse, "base_data_bbtax", TAX_ORDER) == tax_lines_of(warehouse, "enercity")


def test_dunning_status(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    """Not in the view: the newest case's status, where it is one of three, worked out a second time."""
    plant_extra_scenarios(postgres, warehouse.info.dbname)
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    newest: dict[str, tuple[Any, str]] = {}
    for mba, status, created in warehouse.execute(
        "select mba, status, created_at from receivablemanagement_vault.case_receivables where mba is not null"
    ):
        if mba not in newest or created > newest[mba][0]:
            newest[mba] = (created, status)
    shown = {"DUNNING", "BLOCKING", "INKASSO"}
    assert shown & {status for _, status in newest.values()}
    listed = warehouse.execute(
        "select distinct mba, dunning_status from report_oibl.tripica_results where applied_billing_charge_ouid <> ''"
    ).fetchall()
    assert len(listed) > 20
    for mba, status in listed:
        expected = newest.get(mba, (None, ""))[1]
        assert status == (expected if expected in shown else None), mba
