"""The list does not depend on the session, on leftovers, on older tables, or on scripts being repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import ALL_PHASES, RESULTS, run_phases
from tests.golden.compare import compare, load_expected

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

EXPECTED = ROOT / "tests" / "golden" / "expected" / "expected_oibl_customer.csv"


def differences(connection: psycopg.Connection[Any]) -> str:
    columns = load_expected(connection, EXPECTED, "expected")
    difference = compare(connection, "report_oibl.oibl_customer", "expected", columns)
    return str(difference) if difference else ""


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC", "Europe/Berlin"])
def test_session_time_zone_does_not_matter(
    postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any], zone: str
) -> None:
    name = warehouse.info.dbname
    with psycopg.connect(postgres.dsn(name, "billing_aggregator"), options=f"-c timezone={zone}") as session:
        run_phases(session, SQL_ROOT, "enercity", *ALL_PHASES)
        assert differences(session) == ""


def test_other_session_settings_do_not_matter(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    options = "-c datestyle=German -c work_mem=64kB -c enable_hashjoin=off -c enable_hashagg=off -c search_path=public"
    with psycopg.connect(postgres.dsn(warehouse.info.dbname, "billing_aggregator"), options=options) as session:
        run_phases(session, SQL_ROOT, "enercity", "init", "release")
        session.execute("set datestyle = 'ISO'")
        assert differences(session) == ""


def test_leftovers_of_a_failed_run_do_not_matter(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    run_phases(warehouse, SQL_ROOT, "enercity", "init")
    left = "select relname from pg_class where relnamespace = 'report_oibl'::regnamespace and relkind = 'r'"
    for (table,) in warehouse.execute(left).fetchall():
        if table not in RESULTS:
            warehouse.execute(f"create table report_oibl.old_{table} (surplus text)")
            warehouse.execute(f"alter table report_oibl.{table} add column surplus text")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", *ALL_PHASES, settings={"run_id": "second"})
    assert differences(warehouse) == ""


def test_tables_of_the_replaced_service_do_not_matter(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create schema report_oibl")
    with (ROOT / "tests/golden/expected/expected_table_counts.csv").open(encoding="utf-8") as lines:
        names = [line.split(",")[0] for line in lines.readlines()[1:]]
    for name in names:
        if name != "oibl_customer":
            warehouse.execute(f"create table report_oibl.{name} (old text)")
    warehouse.execute("create view report_oibl.oibl_customer as select old as cba from report_oibl.oibl_tripica")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", *ALL_PHASES)
    assert differences(warehouse) == ""


def test_scripts_can_be_repeated(warehouse: psycopg.Connection[Any]) -> None:
    """A task may run twice: each script followed by itself gives the same list."""
    from billing_aggregator.sql.runner import run_script
    from billing_aggregator.sql.scripts import find_scripts

    for system in ("bookkeeper", "tripica"):
        for script in find_scripts(SQL_ROOT, "init", system, "enercity"):
            for _ in range(2):
                run_script(warehouse, script.read(), {"client": "enercity"})
    run_phases(warehouse, SQL_ROOT, "enercity", "release")
    assert differences(warehouse) == ""
