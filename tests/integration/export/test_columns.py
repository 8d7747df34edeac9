"""Columns are what Postgres answers, whatever they are called on the way; only what is proved is read in place."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.plan.export_plan import ExportPlan
    from tests.exporting import Lab

IN_PLACE = [
    "select * from money.t",
    "table money.t",
    "select * from money.t as x (id, gross, net)",
    "select x.* from money.t as x (a, b, c)",
    "select net as gross, gross as net, id from money.t",
    'select "Net", net from money.quoted',
    "select * from money.swapped",
    "select gross, id from money.swapped_again as v (gross, id)",
    "select * from (select gross, net from money.t) as s (net, gross)",
    "with c (x, y) as (select net, gross from money.t) select y as x, x as y from c",
    "select * from money.dropped",
    "select only_one from money.dropped as d (only_one)",
    "select * from money.t -- all",
    "/* exceptional */ select unioned from money.odd",
]
FROZEN = [
    "select net, gross from money.t where false union all select gross, net from money.t",
    "select id, gross, net from money.t where false union all select * from money.t as x (id, gross, net)",
    "select * from money.both",
    "select x, id from money.t x",
    "select xmin::text as x, id from money.t",
    "select tableoid::int as t, id from money.t",
    "select net, net as again, 1 as one from money.t",
    "select id from money.t where net > 0",
    "select id from money.t for update",
    "select id from money.t fetch first 2 rows only",
    "select distinct id from money.t",
    "select id from money.t where true and false",
    "select y.net from money.t left join money.t y on false",
    "select id from money.guarded",
    "select (r).net from (select t as r from money.t) s",
    "select * from money.barrier where net > 0",
    "select * from money.secured",
    "select id::bigint from money.t",
    "select * from rows_of()",
    "select id from money.part",
    "select * from money.elsewhere",
    "with c as materialized (select * from money.t) select * from c",
]


@pytest.fixture
def shop(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab(kind="file", max_rows_per_file=2)
    lab.sql(
        "drop schema if exists money cascade",
        "create schema money",
        "create table money.t (id int, net numeric, gross numeric)",
        "insert into money.t select g, g, g * 1.19 from generate_series(5, 1, -1) g",
        'create table money.quoted as select 1 as net, 2 as "Net", 3 as "NET"',
        "create view money.swapped (id, gross, net) as select * from money.t",
        "create view money.swapped_again as select net, id from money.swapped as s (id, net, gross)",
        "create view money.both as select net, gross from money.t where false union all select gross, net from money.t",
        "create table money.dropped (a int, b int, c int)",
        "insert into money.dropped values (1, 2, 3)",
        "alter table money.dropped drop a",
        "alter table money.dropped add a int default 4",
        "create table money.odd as select 1 as unioned, 2 as exceptional",
        "create table money.guarded as select 1 as id",
        "alter table money.guarded enable row level security",
        "create view money.barrier with (security_barrier) as select * from money.t",
        "create view money.secured as select * from money.t where id > 2",
        "create table money.part (id int) partition by range (id)",
        "create table money.part_1 partition of money.part for values from (0) to (9)",
        "insert into money.part values (1)",
        "do $$ begin if not exists (select from pg_am where amname = 'other_heap') then "
        "create access method other_heap type table handler heap_tableam_handler; end if; end $$",
        "create table money.elsewhere using other_heap as select 1 as id",
        "create or replace function public.rows_of() returns setof money.t language sql stable "
        "as 'select * from money.t'",
        "create schema if not exists report_oibl",
    )
    return lab


def is_answered(lab: Lab, plan: ExportPlan, query: str) -> bool:
    """Publish *plan*; tell whether its files hold what Postgres answers."""
    lab.publish([plan], lab.chunks(plan))
    first, *others = lab.csv("q")
    statement = f"copy ({query}\n) to stdout (format csv, header)"
    with closing(psycopg.connect(lab.dsn)) as connection, connection.cursor().copy(statement) as copy:
        answer = b"".join(bytes(block) for block in copy)
    return first + b"".join(text.partition(b"\n")[2] for text in others) == answer


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("query", IN_PLACE)
def test_read_in_place(shop: Lab, query: str, driver: str) -> None:
    shop.driver = driver
    plan = shop.plan(shop.run(), Export("q", query=query))
    assert not plan.source.staging
    assert is_answered(shop, plan, query)


@pytest.mark.parametrize("query", FROZEN)
def test_frozen(shop: Lab, query: str) -> None:
    plan = shop.plan(shop.run(), Export("q", query=query))
    assert plan.source.staging
    assert is_answered(shop, plan, query)


RIGHTS = {
    "no right to the schema below": ["grant usage on schema money to {role}", "grant select on money.over to {role}"],
    "a right to the table below, none to its schema": [
        "grant usage on schema money to {role}",
        "grant select on money.over, hidden.t to {role}",
    ],
    "no right to the table below": [
        "grant usage on schema money, hidden to {role}",
        "grant select on money.over to {role}",
    ],
    "rights to some columns only": [
        "grant usage on schema money, hidden to {role}",
        "grant select on money.over to {role}",
        "grant select (id, net) on hidden.t to {role}",
    ],
}


@pytest.mark.parametrize("grants", RIGHTS.values(), ids=RIGHTS)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_view_over_what_may_not_be_read_is_frozen(shop: Lab, grants: list[str], by_name: bool) -> None:
    shop.sql(
        "drop schema if exists hidden cascade",
        "create schema hidden",
        "create table hidden.t as select * from money.t",
        "create view hidden.inner as select net, id from hidden.t",
        "create view money.over as select id, net from hidden.inner",
    )
    shop.go_on_as("reader_of_views", "grant usage, create on schema report_oibl to {role}", *grants)
    export = Export("q", table=("money", "over")) if by_name else Export("q", query="select id, net from money.over")
    plan = shop.plan(shop.run(), export)
    assert plan.source.staging
    shop.publish([plan], shop.chunks(plan))
    assert shop.manifest().exports["q"].rows == 5


def test_columns_that_may_be_read_alone(shop: Lab) -> None:
    shop.go_on_as(
        "reader_of_columns",
        "grant usage, create on schema report_oibl to {role}",
        "grant usage on schema money to {role}",
        "grant select (id, net) on money.t to {role}",
    )
    plan = shop.plan(shop.run(), Export("q", query="select id, net from money.t"))
    assert plan.source.staging
    shop.publish([plan], shop.chunks(plan))
    with pytest.raises(Exception, match="permission denied"):
        shop.plan(shop.run(), Export("q", table=("money", "t")))


def test_the_invokers_rights(shop: Lab) -> None:
    """A view that its reader may not look through fails as it does in Postgres, though its owner may."""
    if shop.value("select current_setting('server_version_num')::int") < 150000:
        return
    shop.sql("create view money.invoked with (security_invoker) as select id from money.t")
    shop.go_on_as(
        "reader_by_invocation",
        "grant usage on schema money to {role}",
        "grant select on money.invoked to {role}",
    )
    with pytest.raises(Exception, match="permission denied for table t"):
        shop.plan(shop.run(), Export("q", table=("money", "invoked")))


@pytest.mark.parametrize("columns", [900, 2000])
def test_a_result_that_no_table_can_hold(shop: Lab, columns: int) -> None:
    wide = ", ".join(f"repeat('x', 30) || id::text as c{n}" for n in range(columns if columns < 1600 else 1601))
    with pytest.raises(Exception, match=r"export q: .*does not fit in .*1,600 columns.*select fewer") as error:
        shop.plan(shop.run(), Export("q", query=f"select {wide} from money.t"))
    assert type(error.value).__name__ == "SourceError"
