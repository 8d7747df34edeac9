"""Building a table anew makes it the run's own, in every way SQL has; building on another run's table is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE
from billing_aggregator.runs import ForeignTableError
from billing_aggregator.sql.runner import run_script
from tests.integration.table_guard.nights import BUILD, CANDIDATE, DERIVE, Night, rows

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres


@pytest.mark.parametrize(
    "text",
    [
        "create table if not exists report_oibl.base (n integer); truncate report_oibl.base; "
        "insert into report_oibl.base values (1);",
        "create table if not exists report_oibl.base (n integer); delete from report_oibl.base; "
        "insert into report_oibl.base select g from generate_series(1, 3) g;",
        "do $$ begin create table if not exists report_oibl.base (n integer); delete from report_oibl.base; "
        "begin insert into report_oibl.base values (1); exception when others then raise; end; end $$;",
        "drop materialized view if exists report_oibl.base; "
        "create materialized view report_oibl.base as select 1 as n;",
        "create materialized view if not exists report_oibl.base as select 1 as n; "
        "refresh materialized view report_oibl.base;",
        "drop table if exists report_oibl.base; create table report_oibl.base (n integer) partition by list (n); "
        "create table report_oibl.base_1 partition of report_oibl.base default; "
        "insert into report_oibl.base values (1);",
        "create table report_oibl.base_next as select 1 as n; drop table if exists report_oibl.base; "
        "alter table report_oibl.base_next rename to base;",
    ],
    ids=["truncate", "delete", "subtransaction", "view-new", "view-refreshed", "partitioned", "renamed"],
)
def test_every_way_to_build_a_table_anew(first: Night, second: Night, text: str) -> None:
    for night in (first, second):
        night.script("init", "create schema if not exists report_oibl;")
        night.script("init", text)
        night.script("init", DERIVE)
        night.script("init", CANDIDATE)
    assert second.check("audits", "select n from report_oibl.new_tripica_results where n < 0") == 0


@pytest.mark.parametrize(
    "text",
    [
        "insert into report_oibl.base values (2);",
        "update report_oibl.base set n = 7;",
        "delete from report_oibl.base where n > 100; insert into report_oibl.base values (2);",
        "alter table report_oibl.base add column more text; update report_oibl.base set more = 'x';",
        "alter table report_oibl.base alter column n type text;",
        "create table report_oibl.copy as select * from report_oibl.base; drop table report_oibl.base; "
        "alter table report_oibl.copy rename to base;",
        "merge into report_oibl.base using (values (1)) as new (n) on base.n = new.n "
        "when matched then update set n = 5 when not matched then insert values (9);",
    ],
    ids=["insert", "update", "delete-some", "alter-update", "rewrite", "copy", "merge"],
)
def test_building_on_a_table_of_another_run(first: Night, second: Night, text: str) -> None:
    first.build()
    with pytest.raises(ForeignTableError, match=r"report_oibl.base was built by run scheduled__2026-11-21"):
        second.script("init", text)
    assert rows(first.connection, "select n::text from report_oibl.base") == [("1",)]


def test_several_scripts_fill_one_table(first: Night, second: Night) -> None:
    first.script("init", "create schema report_oibl;")
    for night in (first, second):
        night.script("init", "drop table if exists report_oibl.base; create table report_oibl.base (n integer);")
        night.script("init", "insert into report_oibl.base values (1);")
        night.script("init", "update report_oibl.base set n = 2;")
        night.script("init", DERIVE)


def test_a_table_that_no_run_built(first: Night) -> None:
    first.script("init", "create schema report_oibl;")
    run_script(first.connection, BUILD)
    with pytest.raises(ForeignTableError, match=r"report_oibl.base was built by no run: .* keep it in a schema of its"):
        first.script("init", DERIVE)


def test_tables_of_other_schemas_and_the_history_belong_to_no_run(first: Night, second: Night) -> None:
    first.through()
    run_script(first.connection, "create schema lists; create table lists.accounts as select 1 as n;")
    second.script("init", "create table report_oibl.x as select n from lists.accounts;")
    second.script("init", "create table report_oibl.y as select n from report_oibl.history_days;")


def test_an_unlogged_table_that_the_server_has_emptied(first: Night) -> None:
    first.script("init", "create schema report_oibl;")
    first.script("init", "create unlogged table report_oibl.base as select 1 as n;")
    first.script("init", DERIVE)
    run_script(first.connection, "truncate report_oibl.base")  # as a crash does
    with pytest.raises(ForeignTableError, match="is empty since the server has crashed"):
        first.script("init", DERIVE)


def test_an_unlogged_table_may_be_empty_from_the_start(first: Night) -> None:
    first.script("init", "create schema report_oibl;")
    first.script("init", "create unlogged table report_oibl.base (n integer);")
    first.script("init", DERIVE)


def test_scripts_of_a_run_run_side_by_side(postgres: EmbeddedPostgres, first: Night) -> None:
    """A script that locks a table for long does not block a script that builds other tables."""
    first.build()
    with psycopg.connect(postgres.dsn(first.connection.info.dbname, ROLE)) as other:
        beside = Night(other, first.run.run_id, first.day)
        guard = first.guard("init")
        with first.connection.cursor() as cursor:
            guard.begin(cursor)
            cursor.execute(BUILD)
            with other.cursor() as impatient:
                impatient.execute("set lock_timeout = '5s'")
            beside.script("init", "create table report_oibl.beside as select 2 as n;")
            guard.end(cursor)
        first.connection.commit()
    stamps = rows(
        first.connection, "select count(*) from pg_description where description like 'bda:%' and objsubid = 0"
    )
    assert stamps == [(4,)]
