"""History keeps each business day as published; cleanup leaves results, view and history only."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.sql.runner import StatementError, run_script
from tests.conftest import SQL_ROOT
from tests.golden.build import ALL_PHASES, run_phases

if TYPE_CHECKING:
    import psycopg

SYSTEMS = ("bookkeeper", "tripica")
DAYS = "select business_date::text, count(*) from report_oibl.history_tripica_results group by 1 order by 1"


def run_day(connection: psycopg.Connection[Any], day: str, run_id: str = "run", **settings: str) -> None:
    values = {"business_date": day, "run_id": f"{run_id} {day}", **settings}
    run_phases(connection, SQL_ROOT, "enercity", *ALL_PHASES, settings=values)


def column_names(connection: psycopg.Connection[Any], table: str) -> str:
    described = connection.execute(f"select * from report_oibl.{table} limit 0").description or []
    return ", ".join(column.name for column in described)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_day_is_kept_exactly_as_published(warehouse: psycopg.Connection[Any], system: str) -> None:
    run_day(warehouse, "2026-11-19")
    published = warehouse.execute(f"select * from report_oibl.{system}_results").fetchall()
    run_day(warehouse, "2026-11-20")
    kept = warehouse.execute(
        f"""
        select {column_names(warehouse, f"{system}_results")} from report_oibl.history_{system}_results
        where business_date = '2026-11-19' order by row_no
        """
    ).fetchall()
    assert kept == published


def test_rerun_of_a_day_replaces_it(warehouse: psycopg.Connection[Any]) -> None:
    run_day(warehouse, "2026-11-19")
    run_day(warehouse, "2026-11-20")
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "again"})
    warehouse.execute("delete from report_oibl.new_tripica_results where aggregate_id is null")
    again = {"business_date": "2026-11-19", "run_id": "again"}
    run_phases(warehouse, SQL_ROOT, "enercity", "release", "history", "cleanup", settings=again)
    assert warehouse.execute(DAYS).fetchall() == [("2026-11-19", 1273), ("2026-11-20", 1538)]
    runs = "select distinct run_id from report_oibl.history_tripica_results where business_date = '2026-11-19'"
    assert warehouse.execute(runs).fetchall() == [("again",)]
    tables = warehouse.execute(
        "select count(*) from pg_class where relname like 'history\\_tripica\\_results\\_%' and relkind = 'r'"
    ).fetchone()
    assert tables == (2,)


def test_a_failed_rerun_keeps_the_day(warehouse: psycopg.Connection[Any]) -> None:
    run_day(warehouse, "2026-11-19")
    warehouse.execute("alter table report_oibl.tripica_results add column surplus text")
    warehouse.commit()
    again = {"business_date": "2026-11-19", "run_id": "run 2026-11-19"}
    with pytest.raises(Exception, match="more expressions than target columns"):
        run_phases(warehouse, SQL_ROOT, "enercity", "history", settings=again)
    assert warehouse.execute(DAYS).fetchall() == [("2026-11-19", 1538)]


def test_a_run_keeps_no_rows_of_another_run(warehouse: psycopg.Connection[Any]) -> None:
    run_day(warehouse, "2026-11-20")
    for system in SYSTEMS:
        late = {"business_date": "2026-11-19", "run_id": "run 2026-11-19"}
        with pytest.raises(Exception, match=f"{system}_results: Published by run run 2026-11-20; this is run run"):
            run_phases(warehouse, SQL_ROOT, "enercity", "history", settings=late, systems=(system,))
    assert warehouse.execute(DAYS).fetchall() == [("2026-11-20", 1538)]


def test_the_script_wants_to_know_whose_results(warehouse: psycopg.Connection[Any]) -> None:
    run_day(warehouse, "2026-11-20")
    texts = {(SQL_ROOT / "history" / system / "010_keep_business_day.sql").read_text("utf-8") for system in SYSTEMS}
    (text,) = texts
    with pytest.raises(StatementError, match=r"bda\.system is not set"):
        run_script(warehouse, text, {"business_date": "2026-11-19"})
    assert warehouse.execute(DAYS).fetchall() == [("2026-11-20", 1538)]


def test_retention_does_not_count_from_a_day_that_is_yet_to_come(warehouse: psycopg.Connection[Any]) -> None:
    today = date.today().isoformat()  # noqa: DTZ011 - any day near today will do
    run_day(warehouse, today)
    run_day(warehouse, "2099-01-01")
    assert [row[0] for row in warehouse.execute(DAYS)] == [today, "2099-01-01"]


@pytest.mark.parametrize(
    ("days", "gone"),
    [("", ["2025-10-15"]), ("400", ["2025-10-15"]), ("401", []), ("1", ["2025-10-15", "2025-10-16"])],
)
def test_retention(warehouse: psycopg.Connection[Any], days: str, gone: list[str]) -> None:
    kept = ["2025-10-15", "2025-10-16"]  # 401 and 400 days before 2026-11-20
    for day in kept:
        run_day(warehouse, day, retention_days="400")
    run_day(warehouse, "2026-11-20", retention_days=days)
    expected = [day for day in [*kept, "2026-11-20"] if day not in gone]
    assert [row[0] for row in warehouse.execute(DAYS)] == expected


def test_a_query_of_a_day_reads_that_day_only(warehouse: psycopg.Connection[Any]) -> None:
    for day in ("2026-11-19", "2026-11-20"):
        run_day(warehouse, day)
    plan = warehouse.execute(
        "explain select * from report_oibl.history_tripica_results where business_date = '2026-11-19'"
    ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "20261119" in text
    assert "20261120" not in text


def test_cleanup_leaves_results_view_and_history(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", "history")
    warehouse.execute("create table report_oibl.aggregator_runs (run_id bigserial primary key)")
    warehouse.execute("create table report_oibl.oibl_tripica (leftover text)")
    for name in ("orders_results", "new_orders_results", "old_tripica_results"):
        warehouse.execute(f"create table report_oibl.{name} (of_another_system text)")
    warehouse.execute("create view report_oibl.old_view as table report_oibl.oibl_tripica")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", "cleanup")
    left = warehouse.execute(
        """
        select relname from pg_class
        where relnamespace = 'report_oibl'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S') order by 1
        """
    ).fetchall()
    assert [row[0] for row in left] == [
        "aggregator_runs",
        "aggregator_runs_run_id_seq",
        "bookkeeper_results",
        "history_bookkeeper_results",
        "history_bookkeeper_results_20261120",
        "history_tripica_results",
        "history_tripica_results_20261120",
        "oibl_customer",
        "orders_results",
        "tripica_results",
    ]
    assert warehouse.execute("select count(*) from report_oibl.oibl_customer").fetchone() == (1538,)


def test_cleanup_of_the_journal_alone(warehouse: psycopg.Connection[Any]) -> None:
    phases = ("init", "release", "history", "cleanup")
    run_phases(warehouse, SQL_ROOT, "enercity", *phases, systems=("bookkeeper",))
    left = warehouse.execute(
        "select relname from pg_class where relnamespace = 'report_oibl'::regnamespace and relkind in ('r', 'v', 'p')"
    ).fetchall()
    assert {row[0] for row in left} == {
        "bookkeeper_results",
        "history_bookkeeper_results",
        "history_bookkeeper_results_20261120",
    }


def test_retention_reads_no_date_out_of_other_names(warehouse: psycopg.Connection[Any]) -> None:
    """With a long history the server joins the catalog's tables in another order than with a short one."""
    run_day(warehouse, "2026-11-18")
    for plan in ("enable_nestloop", "enable_hashjoin", "enable_mergejoin"):
        warehouse.execute(f"set {plan} = off")
        warehouse.commit()
        run_day(warehouse, "2026-11-19", retention_days="1")
        warehouse.execute(f"reset {plan}")
    assert [day for day, _ in warehouse.execute(DAYS).fetchall()] == ["2026-11-18", "2026-11-19"]
    run_day(warehouse, "2026-11-20", retention_days="1")
    assert [day for day, _ in warehouse.execute(DAYS).fetchall()] == ["2026-11-19", "2026-11-20"]
