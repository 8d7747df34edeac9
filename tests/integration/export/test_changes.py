"""Nobody can rebuild or write to an exported relation between plan and publication without being noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.errors import ExportError, ExportSourceChangedError
from billing_aggregator.export.plan.planner import Export
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

RESULTS = Export("results", table=("public", "results"))
REBUILD = "create table results as select g as id, g * 1.5 as amount from generate_series(1, 1000) g"
#: Each leaves 1,000 rows or is visible by its name only.
CHANGES = {
    "dropped and created again": ["drop table results", REBUILD],
    "swapped": [REBUILD.replace("results", "newer"), "drop table results", "alter table newer rename to results"],
    "dropped": ["drop table results"],
    "truncated and filled": [
        "truncate results",
        "insert into results select g, g * 1.5 from generate_series(1, 1000) g",
    ],
    "rewritten": ["vacuum full results"],
    "clustered": ["create index i on results (amount desc)", "cluster results using i"],
    "updated in place": ["update results set amount = 0 where id = 500"],
    "updated without a change": ["update results set amount = amount where id = 500"],
    "one row replaced": ["delete from results where id = 1000", "insert into results values (1000, 1500)"],
    "a row more": ["insert into results values (1001, 0)"],
    "a row less": ["delete from results where id = 500"],
    "a row less, vacuumed, filled": [
        "delete from results where id = 1",
        "vacuum results",
        "insert into results values (1, 1)",
    ],
}


@pytest.fixture
def results(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab()
    lab.sql("drop table if exists results, newer cascade", REBUILD)
    lab.options = lab.options.model_validate({"max_rows_per_file": 300})
    lab.whole_run([RESULTS])
    return lab


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("when", ["before the chunks", "between chunks", "before publication"])
def test_a_change_is_noticed_and_nothing_is_published(results: Lab, change: list[str], when: str) -> None:
    before = results.manifest()
    plan = results.plan(results.run(), RESULTS)

    def rest_of_the_run() -> None:
        states = []
        for chunk in plan.chunks:
            if when == ("before the chunks" if chunk.index == 0 else "between chunks" if chunk.index == 2 else ""):
                results.sql(*change)
            states += results.chunks(plan, [chunk.index])
        if when == "before publication":
            results.sql(*change)
        results.publish([plan], states)

    with pytest.raises(ExportSourceChangedError, match="plan"):
        rest_of_the_run()
    assert results.manifest() == before


def test_what_is_no_change(results: Lab) -> None:
    plan = results.plan(results.run(), RESULTS)
    results.sql(
        "analyze results", "vacuum freeze results", "create index on results (id)", "grant select on results to public"
    )
    results.publish([plan], results.chunks(plan))
    assert results.manifest().run_id == plan.run.run_id


def test_a_transaction_that_was_running_at_the_plan_is_noticed(results: Lab) -> None:
    """Its row is older than the snapshot's limit and was invisible all the same."""
    with psycopg.connect(results.dsn) as writer:
        writer.execute("update results set amount = 0 where id = 1")
        results.sql("create temp table later as select 1")
        plan = results.plan(results.run(), RESULTS)
        states = results.chunks(plan)
    with pytest.raises(ExportSourceChangedError, match="1 of them newer"):
        results.publish([plan], states)


def test_rows_of_a_transaction_that_was_rolled_back_do_not_count(results: Lab) -> None:
    with psycopg.connect(results.dsn) as writer:
        writer.execute("update results set amount = 0")
        plan = results.plan(results.run(), RESULTS)
        writer.rollback()
    results.publish([plan], results.chunks(plan))


def test_a_materialised_view_that_was_refreshed(results: Lab) -> None:
    results.sql("create materialized view results_mat as select * from results")
    export = Export("mat", table=("public", "results_mat"))
    plan = results.plan(results.run(), export)
    states = results.chunks(plan)
    results.sql("refresh materialized view results_mat")
    with pytest.raises(ExportSourceChangedError, match="rebuilt"):
        results.publish([plan], states)
    results.sql("create unique index on results_mat (id)")
    plan = results.plan(results.run(), export)
    states = results.chunks(plan)
    results.sql("update results set amount = 7 where id = 7", "refresh materialized view concurrently results_mat")
    with pytest.raises(ExportSourceChangedError, match="written to"):
        results.publish([plan], states)


def test_the_plan_waits_for_a_swap_and_sees_the_new_table(results: Lab) -> None:
    """A snapshot older than the lock would see the swapped-in table empty."""
    import threading

    swap = psycopg.connect(results.dsn)
    swap.execute("drop table results")
    swap.execute(REBUILD.replace("1000", "700"))
    plans = []
    planner = threading.Thread(target=lambda: plans.append(results.plan(results.run(), RESULTS)))
    planner.start()
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    wait_for(lambda: results.value(waiting), "the plan waits")
    swap.commit()
    swap.close()
    planner.join()
    assert [plan.rows for plan in plans] == [700]


def test_chunk_totals_are_compared(results: Lab) -> None:
    """With chunk_totals the sums of all chunks are checked against the relation's, NaN and infinity included."""
    results.sql("insert into results values (1001, 'NaN'), (1002, 'Infinity')")
    options = results.options.model_validate({"max_rows_per_file": 300, "chunk_totals": True})
    results.whole_run([RESULTS], options=options)
    plan = results.plan(results.run(), RESULTS, options)
    states = results.chunks(plan)
    assert states[0].totals == {"id": "45150", "amount": "67725.0"}
    states[0].totals["id"] = "45151"
    with pytest.raises(ExportError, match="add up to"):
        results.publish([plan], states)


def test_a_type_change_that_rewrites(results: Lab) -> None:
    plan = results.plan(results.run(), RESULTS)
    results.sql("alter table results alter amount type text")
    with pytest.raises(ExportSourceChangedError):
        results.chunks(plan)
