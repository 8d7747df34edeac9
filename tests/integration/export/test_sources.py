"""Tables, views and queries: read by pages where they can be, frozen where they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.errors import EmptyExportError, TerminalExportError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.plan.source import SourceError
from billing_aggregator.export.plan.staging import PREFIX, drop_staging, staging_name, sweep_staging


@pytest.fixture(autouse=True)
def _tables(export_dsn: str, new_lab: object) -> None:
    import psycopg

    with psycopg.connect(export_dsn, autocommit=True) as connection:
        connection.execute("drop schema report_oibl cascade; create schema report_oibl")
        connection.execute("drop table if exists ledger, ledger_dates, parent cascade")
        connection.execute(
            """
            create table ledger as
                select g as id, 'n' || g as "Na me%", g / 4.0 as amount from generate_series(20, 1, -1) g;
            create table ledger_dates as select g as id, current_date as d from generate_series(1, 20) g;
            create view ledger_view as select id as number, amount, "Na me%" from ledger;
            create view ledger_view_view as select amount as a, number from ledger_view;
            create materialized view ledger_mat as select * from ledger;
            create table parent (id int); create table child () inherits (parent);
            insert into child values (1);
            """
        )


if TYPE_CHECKING:
    from tests.exporting import Lab

FROZEN = f"select count(*) from pg_class where starts_with(relname, '{PREFIX}')"
SIMPLE = [
    ("select * from ledger", ["id", "Na me%", "amount"]),
    ('select amount as "Betrag (€)", id from ledger', ["Betrag (€)", "id"]),
    ("select l.id from ledger l", ["id"]),
    ("select * from ledger_view_view;", ["a", "number"]),
    ("select * from ledger_mat -- all of it", ["id", "Na me%", "amount"]),
]
OTHER = [
    "select id from ledger where id > 3",
    "select id from ledger order by id",
    "select id from ledger limit 3",
    "select id, 1 as one from ledger",
    "select id + 0 as id from ledger",
    "select id::text as id from ledger",
    "select distinct id from ledger",
    "select id, ctid::text as place from ledger",
    "select l.id, d from ledger l join ledger_dates using (id)",
    "select id from ledger tablesample system (100)",
    "select id from ledger where false",
    "select * from parent",
    "with x as materialized (select id from ledger) select id from x",
    "values (1)",
    "select 1 as one",
]


@pytest.mark.parametrize(("query", "names"), SIMPLE)
def test_columns_of_one_table_are_read_from_its_pages(lab: Lab, query: str, names: list[str]) -> None:
    plan = lab.plan(lab.run(), Export("q", query=query))
    assert [column.name for column in plan.source.columns] == names
    assert not plan.source.staging
    lab.publish([plan], lab.chunks(plan))
    assert lab.csv("q")[0].decode().split("\n")[0].replace('"', "") == ",".join(names)
    assert lab.manifest().exports["q"].rows == 20


@pytest.mark.parametrize("query", OTHER)
def test_any_other_query_is_frozen(lab: Lab, query: str) -> None:
    plan = lab.plan(lab.run(), Export("q", query=query))
    assert plan.source.staging
    assert plan.source.relation.name.startswith(PREFIX)
    expected = lab.value(f"select count(*) from ({query}\n) q")
    lab.publish([plan], lab.chunks(plan))
    assert lab.manifest().exports["q"].rows == expected
    assert lab.value(FROZEN) == 0


def test_a_frozen_table_is_dropped_any_number_of_times(lab: Lab) -> None:
    plan = lab.plan(lab.run(), Export("q", query="select 1 as one"))
    assert lab.value(FROZEN) == 1
    connection = lab.connect()
    for _ in range(2):
        drop_staging(connection, plan.source, timeout=60)
    connection.close()
    assert lab.value(FROZEN) == 0


def test_a_frozen_query_keeps_its_order(lab: Lab) -> None:
    lab.options = lab.options.model_validate({"max_rows_per_file": 7})
    lab.whole_run([Export("q", query="select id from ledger where id > 0 order by id")])
    assert b"".join(lab.csv("q")).replace(b"id\n", b"").split() == [str(i).encode() for i in range(1, 21)]


def test_the_report_of_the_archive_is_read_from_its_table(lab: Lab) -> None:
    lab.sql(
        "create table report_oibl.results as select 1 ouid, 2 cba, 3.50 amount",
        "create view report_oibl.oibl as select cba, amount from report_oibl.results",
    )
    plan = lab.plan(lab.run(), Export("customer/oibl", query="select cba, amount from report_oibl.oibl"))
    assert (plan.source.relation.schema, plan.source.relation.name) == ("report_oibl", "results")


def test_views_and_inherited_tables_are_exported_whole(lab: Lab) -> None:
    lab.whole_run([Export("v", table=("public", "ledger_view")), Export("p", table=("public", "parent"))])
    assert lab.manifest().exports["v"].rows == 20
    assert lab.manifest().exports["p"].rows == 1


@pytest.mark.parametrize(
    ("export", "says"),
    [
        (Export("x", table=("public", "nowhere")), "does not exist"),
        (Export("x", query="select id, id from ledger"), "different names"),
    ],
)
def test_clear_errors(lab: Lab, export: Export, says: str) -> None:
    with pytest.raises(SourceError, match=says) as error:
        lab.plan(lab.run(), export)
    assert isinstance(error.value, TerminalExportError)


def test_a_table_or_a_query() -> None:
    with pytest.raises(ValueError, match="a table or a query"):
        Export("x")
    with pytest.raises(ValueError, match="a table or a query"):
        Export("x", table=("a", "b"), query="select 1")


def test_a_query_that_fails_leaves_nothing(lab: Lab) -> None:
    with pytest.raises(Exception, match="division by zero"):
        lab.plan(lab.run(), Export("q", query="select 1 / (id - 1) as x from ledger"))
    assert lab.value(FROZEN) == 0
    assert lab.open_uploads() == []


def test_staging_names_differ_by_run_export_and_try(lab: Lab) -> None:
    one, two = lab.run(), lab.run()
    assert staging_name(one, "a") == staging_name(one, "a")
    names = {staging_name(one, "a"), staging_name(two, "a"), staging_name(one, "b"), staging_name(one, "a", 12)}
    assert len(names) == 4
    assert len({name[:-3] for name in names if len(name) == max(map(len, names))}) == 1


def test_a_try_drops_what_earlier_ones_have_frozen_and_nothing_of_a_later_one(lab: Lab) -> None:
    """The first try was given up, and freezes its copy when its successor has: that one publishes, nothing is left."""
    run, export = lab.run(), Export("q", query="select id from ledger where id > 0 order by id")
    later = lab.plan(run, export, attempt=2)
    lab.plan(run, export, attempt=1)
    with pytest.raises(EmptyExportError):
        lab.plan(run, Export("q", query="select 1 as id limit 0"), lab.options.model_validate({"empty": "fail"}))
    assert lab.value(FROZEN) == 1
    lab.plan(run, export, attempt=1)
    assert lab.value(FROZEN) == 2
    assert lab.plan(run, export, attempt=2).source.relation.name == later.source.relation.name
    assert lab.value(FROZEN) == 1
    again = lab.plan(run, export, attempt=10)
    lab.plan(run, export, attempt=1)
    lab.publish([again], lab.chunks(again))
    assert lab.value(FROZEN) == 0


def test_the_sweep_drops_old_frozen_tables_only(lab: Lab) -> None:
    plans = [lab.plan(lab.run(), Export("q", query="select 1 as one")) for _ in range(2)]
    old, new = (plan.source.relation for plan in plans)
    lab.sql(
        f"comment on table {old.sql} is '{{\"created\": 1}}'",
        f"create table if not exists report_oibl.{PREFIX}foreign (a int)",
    )
    connection = lab.connect()
    assert sweep_staging(connection, "report_oibl", older_than=3600, timeout=60) == [old.name]
    connection.close()
    assert lab.value(f"select to_regclass('{new.sql}') is not null")
    for plan in plans:
        lab.sql(f"drop table if exists {plan.source.relation.sql}")
    lab.sql(f"drop table report_oibl.{PREFIX}foreign")
