"""A run uses only tables that it has built itself: whatever was marked or cleared, whoever built them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.runs import ForeignTableError, Stamp
from billing_aggregator.sql.runner import StatementError
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT
from tests.integration.table_guard.nights import BUILD, CANDIDATE, RELEASE, Night, rows

if TYPE_CHECKING:
    import psycopg

    from billing_aggregator.runs.table_guard import Phase


def test_nights_one_after_the_other(first: Night, second: Night) -> None:
    first.through()
    second.through()
    kept = rows(first.connection, "select * from report_oibl.history_days order by day")
    assert kept == [(1, "2026-11-21"), (1, "2026-11-22")]
    stamp = Stamp.read(rows(first.connection, "select obj_description('report_oibl.tripica_results'::regclass)")[0][0])
    assert stamp is not None
    assert (stamp.run_id, stamp.business_date) == ("scheduled__2026-11-22", "2026-11-22")


def test_a_script_marked_as_done_leaves_tables_of_the_night_before(first: Night, second: Night) -> None:
    first.build()
    second.script("init", BUILD)  # DERIVE has failed and was marked as success
    with pytest.raises(ForeignTableError, match=r"report_oibl.more was built by run scheduled__2026-11-21"):
        second.script("init", CANDIDATE)
    assert rows(first.connection, "select n from report_oibl.new_tripica_results") == [(1,)], "rolled back"


def test_a_script_marked_as_done_in_a_later_attempt_of_the_same_run(first: Night) -> None:
    first.build()
    first.script("init", BUILD)  # cleared alone, or DERIVE was marked as success in the second attempt
    with pytest.raises(ForeignTableError, match=r"report_oibl.more was built from report_oibl.base, which was built"):
        first.script("init", CANDIDATE)
    with pytest.raises(ForeignTableError, match=r"new_tripica_results was built from report_oibl.base"):
        first.check("audits", "select n from report_oibl.new_tripica_results")
    with pytest.raises(ForeignTableError, match=r"built from report_oibl.base"):
        first.script("release", RELEASE)
    first.build()
    assert first.check("audits", "select n from report_oibl.new_tripica_results where n < 0") == 0


def test_the_same_run_id_in_another_airflow(connection: Any) -> None:
    ours = Night(connection, "scheduled__2026-11-21", "2026-11-21", "airflow-old:8080#00aa")
    theirs = Night(connection, "scheduled__2026-11-21", "2026-11-21", "airflow-new:8080#11bb")
    theirs.build()
    with pytest.raises(ForeignTableError, match=r"Airflow airflow-new:8080#11bb"):
        ours.check("audits", "select n from report_oibl.new_tripica_results")


def test_the_same_run_for_another_day(connection: Any) -> None:
    Night(connection, "manual__1", "2026-11-21").build()
    with pytest.raises(ForeignTableError, match="for 2026-11-21, this is"):
        Night(connection, "manual__1", "2026-11-22").check("audits", "select n from report_oibl.new_tripica_results")


@pytest.mark.parametrize(
    "query",
    [
        "select n from public.through_view where n < 0",
        "select public.through_function() as n",
        "with x as materialized (select * from report_oibl.more) select 1 as n from x where false",
        "select 1 as n where exists (select from report_oibl.more)",
    ],
    ids=["view", "function", "cte", "subquery"],
)
def test_indirect_reads_are_noticed(first: Night, second: Night, query: str) -> None:
    first.build()
    with first.connection.cursor() as cursor:
        cursor.execute("create schema if not exists helpers")
        cursor.execute("create view helpers.through_view as select n from report_oibl.more")
        cursor.execute(
            "create function helpers.through_function() returns integer language plpgsql as "
            "$$ begin return (select max(n) from report_oibl.more); end $$"
        )
    first.connection.commit()
    with pytest.raises(ForeignTableError, match=r"report_oibl.more was built by run scheduled__2026-11-21"):
        second.check("audits", query.replace("public.", "helpers."))


def test_dynamic_sql_in_a_block(first: Night, second: Night) -> None:
    first.build()
    block = "do $$ begin execute 'create table report_oibl.x as select * from report_oibl.' || 'more'; end $$;"
    with pytest.raises(ForeignTableError, match=r"report_oibl.more was built by"):
        second.script("init", block)
    assert rows(first.connection, "select to_regclass('report_oibl.x')") == [(None,)]


def test_the_real_scripts_of_two_nights(warehouse: psycopg.Connection[Any]) -> None:
    nights = [Night(warehouse, "first", "2026-11-21"), Night(warehouse, "second", "2026-11-22")]
    phases: tuple[Phase, ...] = ("init", "release", "history", "cleanup")
    for night in nights:
        for phase in phases:
            for system in ("bookkeeper", "tripica"):
                for script in find_scripts(SQL_ROOT, phase, system, "enercity"):
                    night.script(phase, script.read(), system=system)
    for system in ("bookkeeper", "tripica"):
        (script,) = find_scripts(SQL_ROOT, "history", system, "enercity")
        with pytest.raises((StatementError, ForeignTableError)):
            nights[0].script("history", script.read(), system=system)
    days = "select business_date::text, count(*) from report_oibl.history_tripica_results group by 1 order by 1"
    assert rows(warehouse, days) == [("2026-11-21", 1538), ("2026-11-22", 1538)]
