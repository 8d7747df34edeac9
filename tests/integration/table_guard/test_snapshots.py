"""A check reads with the snapshot of its phase: a table that was built since then would look empty, and is refused."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE
from billing_aggregator.runs import ForeignTableError
from billing_aggregator.sql.check_phase import BEGIN
from tests.integration.table_guard.nights import BUILD, Night

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres


@pytest.fixture
def other(postgres: EmbeddedPostgres, connection: Any) -> Any:
    with closing(psycopg.connect(postgres.dsn(connection.info.dbname, ROLE))) as opened:
        yield opened


def read_base(night: Night) -> int:
    """Count the rows of a table as a check does, and let the guard look."""
    with night.connection.cursor() as cursor:
        cursor.execute("select count(*) from report_oibl.base")
        (count,) = cursor.fetchone()
        night.guard("audits").check(cursor)
    return int(count)


@pytest.mark.parametrize("same_run", [True, False])
def test_a_table_built_since_the_snapshot_is_refused(first: Night, other: Any, same_run: bool) -> None:
    first.build()
    with first.connection.cursor() as cursor:
        cursor.execute(BEGIN)
        cursor.execute("select pg_export_snapshot()")
    later = Night(other, first.run.run_id if same_run else "scheduled__2026-11-22", "2026-11-21")
    later.script("init", BUILD)
    with pytest.raises(ForeignTableError, match=r"report_oibl\.base: built by somebody else since this task started"):
        read_base(first)


def test_what_was_there_before_the_snapshot_is_read(first: Night, other: Any) -> None:
    first.build()
    with first.connection.cursor() as cursor:
        cursor.execute(BEGIN)
        cursor.execute("select pg_export_snapshot()")
    Night(other, "scheduled__2026-11-22", "2026-11-22").script(
        "init", "create table report_oibl.beside as select 1 as n"
    )
    assert read_base(first) == 1


def test_what_the_transaction_has_dropped_itself_is_not_unseen(first: Night) -> None:
    """The frozen copy of a query's export: a plan that is tried again drops it and makes it anew."""
    first.build()
    first.connection.commit()
    for _ in range(2):
        with first.connection.cursor() as cursor:
            cursor.execute("drop table if exists report_oibl.aggregator_export_x")
            cursor.execute("create table report_oibl.aggregator_export_x as select * from report_oibl.base")
            first.guard("export").check(cursor)
        first.connection.commit()
