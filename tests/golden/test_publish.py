"""The swap of the published tables: readers see the old list or the new one; the view, its grants, repeated tasks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases
from tests.waiting import wait_for

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

LIST = "select * from report_oibl.oibl_customer"
COUNT = "select count(*) from report_oibl.oibl_customer"
SWAP = SQL_ROOT / "release" / "tripica" / "010_publish_tripica_results.sql"


def connect(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any], role: str) -> psycopg.Connection[Any]:
    return psycopg.connect(postgres.dsn(warehouse.info.dbname, role), autocommit=True)


def value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def thin_out(connection: psycopg.Connection[Any]) -> None:
    """Make the next candidate differ from the published list."""
    connection.execute("delete from report_oibl.new_tripica_results where aggregate_id is null")
    connection.commit()


def test_readers_see_old_or_new_and_never_nothing(
    postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]
) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        with connect(postgres, warehouse, "postgres") as reader:
            while not stop.is_set():
                seen.append(value(reader, COUNT))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for run in range(8):
            run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": f"run {run}"})
            if run % 2 == 0:
                thin_out(warehouse)
            run_phases(warehouse, SQL_ROOT, "enercity", "release", settings={"run_id": f"run {run}"})
    finally:
        stop.set()
        thread.join()
    assert set(seen) == {1538, 1273}
    assert len(seen) > 50


def test_readers_do_not_wait_for_the_rebuild(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    script = (SQL_ROOT / "init" / "tripica" / "080_tripica_results.sql").read_text(encoding="utf-8")
    warehouse.execute(script)  # not committed: its locks are held
    with connect(postgres, warehouse, "postgres") as reader:
        reader.execute("set statement_timeout = '60s'")
        assert value(reader, COUNT) == 1538
    warehouse.rollback()


def test_swap_waits_for_a_reader_in_turns(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "second"})
    thin_out(warehouse)
    with connect(postgres, warehouse, "postgres") as slow, connect(postgres, warehouse, "postgres") as other:
        slow.execute("begin")
        slow.execute(COUNT)
        swap = threading.Thread(target=run_phases, args=(warehouse, SQL_ROOT, "enercity", "release"))
        swap.start()
        waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        wait_for(lambda: value(other, waits), "the swap waits for the reader")
        # Ends only because the swap stops to wait now and then: the slow reader is not done.
        assert value(other, COUNT) == 1538
        assert swap.is_alive()
        slow.execute("commit")
        swap.join()
        assert value(other, COUNT) == 1273


def test_swap_gives_up_with_the_old_list_in_place(
    postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]
) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "second"})
    thin_out(warehouse)
    impatient = {"run_id": "second", "release_attempts": "2", "release_lock_timeout": "100ms"}
    with connect(postgres, warehouse, "postgres") as slow:
        slow.execute("begin")
        slow.execute(COUNT)
        with pytest.raises(StatementError) as caught:
            run_script(warehouse, SWAP.read_text(encoding="utf-8"), impatient)
        assert isinstance(caught.value.__cause__, psycopg.errors.LockNotAvailable)
        assert value(slow, COUNT) == 1538
    run_phases(warehouse, SQL_ROOT, "enercity", "release", settings={"run_id": "second"})
    assert value(warehouse, COUNT) == 1273


def test_repeated_task_changes_nothing(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    before = value(warehouse, "select 'report_oibl.tripica_results'::regclass::oid")
    run_phases(warehouse, SQL_ROOT, "enercity", "release", settings={"run_id": "first"})
    assert value(warehouse, "select 'report_oibl.tripica_results'::regclass::oid") == before
    assert value(warehouse, COUNT) == 1538


@pytest.mark.parametrize("system", ["bookkeeper", "tripica"])
def test_missing_candidate_is_an_error(warehouse: psycopg.Connection[Any], system: str) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    with pytest.raises(StatementError, match=f"new_{system}_results is missing"):
        run_phases(warehouse, SQL_ROOT, "enercity", "release", settings={"run_id": "second"}, systems=(system,))
    assert value(warehouse, COUNT) == 1538


def test_view_of_the_replaced_service_is_made_again(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init")
    warehouse.execute("create table report_oibl.oibl_tripica as select 1::numeric as amount_net, 'x'::text as cba")
    warehouse.execute("create view report_oibl.oibl_customer as select cba, amount_net from report_oibl.oibl_tripica")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", "release", "cleanup")
    assert value(warehouse, COUNT) == 1538
    assert value(warehouse, "select to_regclass('report_oibl.oibl_tripica')") is None


def test_views_of_others_on_the_view_go_on(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    with connect(postgres, warehouse, "postgres") as analyst:
        analyst.execute(f"create view public.analysis as {LIST}")
        run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "second"})
        thin_out(warehouse)
        run_phases(warehouse, SQL_ROOT, "enercity", "release", "cleanup", settings={"run_id": "second"})
        assert value(analyst, "select count(*) from public.analysis") == 1273


def test_published_tables_survive_a_crash(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", "history")
    unlogged = warehouse.execute(
        """
        select relname from pg_class
        where relnamespace = 'report_oibl'::regnamespace and relpersistence = 'u'
        and (relname like '%\\_results' or relname like 'history%')
        """
    ).fetchall()
    assert unlogged == []
    kept = "select relpersistence from pg_class where oid = 'report_oibl.data_charges'::regclass"
    assert value(warehouse, kept) == "u"


def test_a_grant_that_fails_undoes_no_release(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "first"})
    release = find_scripts(SQL_ROOT, "release", "tripica", "enercity")
    assert [script.name for script in release] == ["010_publish_tripica_results", "020_grant_customer_view"]
    run_script(warehouse, release[0].read(), {"run_id": "first"})
    with pytest.raises(StatementError):
        run_script(warehouse, release[1].read().replace("grant select on", "grant nothing on"))
    assert value(warehouse, COUNT) == 1538
    assert "Published by run first" in value(
        warehouse, "select obj_description('report_oibl.tripica_results'::regclass)"
    )


READERS = {
    "analyst": True,
    "service": True,
    "bi_services": False,
    "service_metabase": True,
    "service_metabase_full": True,
    "service_billing": False,
    "octopus": False,
    "rdsadmin": False,
}


@pytest.fixture
def roles(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> Any:
    names = [*READERS, "nobody_logs_in"]
    with connect(postgres, warehouse, "postgres") as admin:
        for name in names:
            admin.execute(f"create role {name} {'nologin' if name == 'nobody_logs_in' else 'login'}")
    yield
    with connect(postgres, warehouse, "postgres") as admin:
        for name in names:
            admin.execute(f"drop owned by {name}")
            admin.execute(f"drop role {name}")


@pytest.mark.usefixtures("roles")
def test_grants(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    # What the replaced service left: default privileges for everybody.
    warehouse.execute("create schema report_oibl")
    warehouse.execute("alter default privileges in schema report_oibl grant select on tables to analyst, public")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    for role, may in {**READERS, "nobody_logs_in": False}.items():
        allowed = value(warehouse, f"select has_schema_privilege('{role}', 'report_oibl', 'usage')") and value(
            warehouse, f"select has_table_privilege('{role}', 'report_oibl.oibl_customer', 'select')"
        )
        assert allowed is may, role
        for table in ("tripica_results", "bookkeeper_results", "base_data_dunning", "data_charges"):
            query = f"select has_table_privilege('{role}', 'report_oibl.{table}', 'select')"
            assert value(warehouse, query) is False, (role, table)
    with connect(postgres, warehouse, "service_metabase") as reader:
        assert value(reader, COUNT) == 1538
        # Readers keep their rights through the swap: the grants come behind it.
        run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"run_id": "second"})
        run_script(warehouse, SWAP.read_text(encoding="utf-8"), {"run_id": "second"})
        assert value(reader, COUNT) == 1538
