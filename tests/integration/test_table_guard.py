"""A run uses only tables that it has built itself: whatever was marked or cleared, whoever built them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.runs import ForeignTableError, Stamp, TableGuard
from billing_aggregator.runs.identity import Run
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.runs.table_guard import Phase

DAG = "billing_data_aggregator_enercity_prod"
PUBLISHED = ("bookkeeper_results", "tripica_results")
BUILD = "drop table if exists report_oibl.base; create table report_oibl.base as select 1 as n;"
DERIVE = "drop table if exists report_oibl.more; create table report_oibl.more as select n from report_oibl.base;"
CANDIDATE = """
drop table if exists report_oibl.new_tripica_results;
create table report_oibl.new_tripica_results as select n from report_oibl.more;
"""
RELEASE = """
drop table if exists report_oibl.tripica_results;
alter table report_oibl.new_tripica_results rename to tripica_results;
"""
KEEP = """
create table if not exists report_oibl.history_days (n integer, day text);
insert into report_oibl.history_days select n, current_setting('bda.business_date') from report_oibl.tripica_results;
"""
CLEAN = "drop table if exists report_oibl.base, report_oibl.more, report_oibl.new_tripica_results;"
_counter = iter(range(1_000))


class Night:
    """One run on a connection: its scripts and checks, with its stamp."""

    def __init__(self, connection: Any, run_id: str, day: str, deployment: str = "airflow:8080#00aa") -> None:
        self.connection = connection
        self.run = Run("enercity", "prod", deployment, DAG, run_id)
        self.day = day

    def guard(self, phase: Phase, exported: dict[str, str] | None = None) -> TableGuard:
        return TableGuard(Stamp.of(self.run, self.day, "init/tripica/010_x.sql"), phase, PUBLISHED, exported)

    def script(self, phase: Phase, text: str, exported: dict[str, str] | None = None, system: str = "tripica") -> None:
        settings = {"business_date": self.day, "run_id": self.run.run_id, "client": "enercity", "system": system}
        run_script(self.connection, text, settings, self.guard(phase, exported))

    def check(self, phase: Phase, query: str) -> int:
        check = parse_check(f"-- fail: something holds\n{query}\n", "check.sql")
        return run_check(self.connection, check, {}, self.guard(phase).check).violations

    def build(self) -> None:
        self.script("init", "create schema if not exists report_oibl;")
        for text in (BUILD, DERIVE, CANDIDATE):
            self.script("init", text)

    def through(self) -> None:
        """Build, release, keep and clean up."""
        self.build()
        phases: dict[Phase, str] = {"release": RELEASE, "history": KEEP, "cleanup": CLEAN}
        for phase, text in phases.items():
            self.script(phase, text)


@pytest.fixture(params=["psycopg", "psycopg2"])
def connection(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[Any]:
    name = f"guard_{next(_counter)}"
    create_octopus(postgres, name)
    drivers: dict[str, Callable[..., Any]] = {"psycopg": psycopg.connect, "psycopg2": psycopg2.connect}
    driver = drivers[request.param]
    opened = driver(postgres.dsn(name, ROLE))
    yield opened
    with suppress(Exception):
        opened.close()


@pytest.fixture
def first(connection: Any) -> Night:
    return Night(connection, "scheduled__2026-11-21", "2026-11-21")


@pytest.fixture
def second(connection: Any) -> Night:
    return Night(connection, "scheduled__2026-11-22", "2026-11-22")


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = [tuple(row) for row in cursor.fetchall()]
    connection.commit()
    return found


def test_nights_one_after_the_other(first: Night, second: Night) -> None:
    first.through()
    second.through()
    kept = rows(first.connection, "select * from report_oibl.history_days order by day")
    assert kept == [(1, "2026-11-21"), (1, "2026-11-22")]
    stamp = Stamp.read(rows(first.connection, "select obj_description('report_oibl.tripica_results'::regclass)")[0][0])
    assert stamp is not None
    assert (stamp.run_id, stamp.business_date) == ("scheduled__2026-11-22", "2026-11-22")


def test_history_of_a_run_after_a_newer_release(first: Night, second: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    second.through()
    with pytest.raises(ForeignTableError) as refused:
        first.script("history", KEEP)
    for words in ("report_oibl.tripica_results", "run scheduled__2026-11-22", "2026-11-21; clear this run's init"):
        assert words in str(refused.value)
    assert rows(first.connection, "select day from report_oibl.history_days") == [("2026-11-22",)]


@pytest.mark.parametrize("phase", ["audits", "prechecks"])
def test_checks_of_a_candidate_of_another_run(first: Night, second: Night, phase: Phase) -> None:
    first.build()
    second.build()
    query = "select n from report_oibl.new_tripica_results where n < 0"
    with pytest.raises(ForeignTableError, match=r"new_tripica_results was built by run scheduled__2026-11-22"):
        first.check(phase, query)
    assert second.check("audits", query) == 0


def test_release_of_a_candidate_of_another_run(first: Night, second: Night) -> None:
    first.through()
    second.build()
    with pytest.raises(ForeignTableError, match=r"tripica_results was built by run scheduled__2026-11-22"):
        first.script("release", RELEASE)
    assert rows(first.connection, "select to_regclass('report_oibl.new_tripica_results') is not null") == [(True,)]


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


def test_audits_compare_with_the_earlier_list(first: Night, second: Night) -> None:
    first.through()
    second.build()
    query = "select n from report_oibl.new_tripica_results except select n from report_oibl.tripica_results"
    assert second.check("audits", query) == 0
    with pytest.raises(ForeignTableError, match=r"tripica_results was built by run scheduled__2026-11-21"):
        second.script("export", "select n from report_oibl.tripica_results")


def test_a_second_attempt_compares_with_what_the_first_has_released(first: Night) -> None:
    first.through()
    first.build()
    query = "select n from report_oibl.new_tripica_results except select n from report_oibl.tripica_results"
    assert first.check("audits", query) == 0
    first.script("release", RELEASE)


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


def test_a_scripts_own_comment_on_its_table_stays(first: Night) -> None:
    first.build()
    first.script("init", f"{BUILD} comment on table report_oibl.base is 'one row a number\nsecond line'")
    first.script("init", DERIVE)
    first.script("release", f"{CANDIDATE} {RELEASE} comment on table report_oibl.tripica_results is 'the list';")
    (comment,) = rows(first.connection, "select obj_description('report_oibl.base'::regclass)")[0]
    assert comment.startswith("one row a number\nsecond line\nbda: {")
    first.script("history", KEEP)


def test_a_comment_on_a_candidate_keeps_its_stamp(first: Night, second: Night) -> None:
    first.build()
    first.script("release", f"{RELEASE} comment on table report_oibl.tripica_results is 'Published';")
    first.script("history", KEEP)
    with pytest.raises(ForeignTableError):
        second.script("history", KEEP)


def test_history_keeps_what_was_published_and_nothing_released_since(first: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    with first.connection.cursor() as cursor:
        released = first.guard("export").released(cursor)
    first.connection.commit()
    assert list(released) == ["tripica_results"]
    for exported, words in (({}, "has not published it"), ({"tripica_results": "earlier"}, "released it again since")):
        with pytest.raises(ForeignTableError, match=f"tripica_results is not what readers have: this run {words}"):
            first.script("history", KEEP, exported)
    first.script("history", KEEP, released)


def test_cleanup_after_a_later_run(first: Night, second: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    second.script("init", BUILD)  # the later run has failed here and waits to be continued
    with pytest.raises(ForeignTableError, match=r"report_oibl.base was built by run scheduled__2026-11-22.*tidies up"):
        first.script("cleanup", CLEAN)
    second.script("init", DERIVE)


def test_cleanup_drops_tables_of_an_earlier_failed_run(first: Night, second: Night) -> None:
    first.script("init", "create schema report_oibl; create table report_oibl.forgotten as select 1 as n;")
    second.build()
    second.script("release", RELEASE)
    second.script("cleanup", f"{CLEAN} drop table report_oibl.forgotten;")


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
