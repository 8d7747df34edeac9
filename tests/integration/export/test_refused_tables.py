"""An export's tables may be refused: also those behind a query or a view, in each transaction that reads them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.plan.planner import Export, plan_export
from tests.exporting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.postgres import Cursor
    from tests.exporting import Lab

IN_PLACE = Export("t", table=("guarded", "t"))
VIEW = Export("v", query="select id from guarded.v")
FROZEN = Export("f", query="select v.id from guarded.v join guarded.other on v.id = other.id")
TOUCHED = """
select c.relname::text from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
where l.pid = pg_catalog.pg_backend_pid() and c.relnamespace = 'guarded'::regnamespace and c.relkind in ('r', 'v')
"""


class RefusedError(Exception):
    """A table was refused."""


class Refusal:
    """Refuses a table from its *nth* transaction on; keeps what each transaction has touched."""

    def __init__(self, table: str, nth: int = 1) -> None:
        self.table = table
        self.nth = nth
        self.touched: list[set[str]] = []

    def __call__(self, cursor: Cursor) -> None:
        cursor.execute(TOUCHED)
        self.touched.append({name for (name,) in cursor.fetchall()})
        if sum(self.table in names for names in self.touched) == self.nth:
            raise RefusedError(self.table)


@pytest.fixture
def guarded(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab(kind="file")
    lab.sql(
        "drop schema if exists guarded cascade",
        "create schema guarded",
        "create table guarded.t as select g as id from generate_series(1, 5) g",
        "create table guarded.other as select 3 as id",
        "create view guarded.v as select id from guarded.t",
    )
    return lab


def plan(lab: Lab, export: Export, refusal: Refusal) -> None:
    with closing(lab.connect()) as connection:
        plan_export(connection, lab.store, lab.run(), export, lab.options, timeout=TIMEOUT, check_tables=refusal)


def count(lab: Lab, export: Export, refusal: Refusal) -> None:
    with closing(lab.connect()) as connection:
        dry_run(connection, lab.run(), export, lab.options, timeout=TIMEOUT, check_tables=refusal)


@pytest.mark.parametrize("work", [plan, count])
@pytest.mark.parametrize(
    ("export", "table", "nth"),
    [
        (IN_PLACE, "t", 1),
        (VIEW, "v", 1),
        (VIEW, "t", 1),
        (VIEW, "t", 2),  # it was found, and is swapped before it is cut
        (FROZEN, "other", 1),
        (FROZEN, "t", 2),
        (FROZEN, "v", 2),
    ],
)
def test_a_table_is_refused(
    guarded: Lab, work: Callable[[Lab, Export, Refusal], None], export: Export, table: str, nth: int
) -> None:
    refusal = Refusal(table, nth)
    # Other tests share the server, and may have left frozen tables.
    frozen = "select count(*) from pg_class where relname like 'aggregator\\_export\\_%'"
    before = guarded.value(frozen)
    with pytest.raises(RefusedError, match=table):
        work(guarded, export, refusal)
    assert guarded.open_uploads() == []
    assert guarded.value(frozen) == before


@pytest.mark.parametrize(("export", "table", "times"), [(IN_PLACE, "t", 1), (VIEW, "t", 2), (FROZEN, "other", 2)])
def test_every_transaction_that_touches_a_table_is_looked_at(
    guarded: Lab, export: Export, table: str, times: int
) -> None:
    refusal = Refusal("none")
    plan(guarded, export, refusal)
    assert sum(table in names for names in refusal.touched) == times
