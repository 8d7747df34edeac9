"""The database ends sessions, stops statements, or refuses: nothing of a broken COPY is ever published."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.copy import chunk
from billing_aggregator.export.copy.progress import CopyProgress
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.transaction import cancel
from tests.exporting import DRIVERS
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

BIG = Export("big", table=("public", "big"))


@pytest.fixture(params=sorted(DRIVERS))
def big_lab(request: pytest.FixtureRequest, faulty_lab: Lab) -> Lab:
    """A table whose export takes a while, because every row is large."""
    faulty_lab.driver = request.param
    faulty_lab.sql(
        "drop table if exists big",
        "create table big as select g as id, repeat(md5(g::text), 300) as t from generate_series(1, 3000) g",
    )
    faulty_lab.options = faulty_lab.options.model_validate({"max_rows_per_file": 1000, "part_bytes": 5 << 20})
    return faulty_lab


def in_the_middle(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    """Let a COPY do *work* once, when the first rows have come."""
    pending = [work]

    class Progress(CopyProgress):
        def add(self, rows: int, size: int) -> None:
            super().add(rows, size)
            if pending:
                pending.pop()()

    monkeypatch.setattr(chunk, "CopyProgress", Progress)


@pytest.mark.parametrize("how", ["terminated", "cancelled"])
def test_a_session_that_ends_in_the_middle_of_a_copy(big_lab: Lab, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = big_lab.plan(big_lab.run(), BIG)
    with closing(big_lab.connect()) as connection:
        pid = connection.info.backend_pid

        def end() -> None:
            if how == "cancelled":
                cancel(connection)
            else:
                big_lab.value(f"select pg_terminate_backend({pid})")

        in_the_middle(monkeypatch, end)
        with pytest.raises(Exception, match=r"terminat|cancel|closed|lost|broke") as error:
            chunk.export_chunks(connection, big_lab.store, plan, [0, 1, 2], timeout=60)
    assert classify(error.value) == ("terminal" if how == "cancelled" else "transient")
    assert big_lab.files() == []
    # The next try of the task, into the same uploads.
    big_lab.publish([plan], big_lab.chunks(plan))
    assert big_lab.manifest().exports["big"].rows == 3000


def test_a_statement_that_takes_too_long(big_lab: Lab) -> None:
    slow = Export("slow", query="select pg_sleep(0.001)::text as a, id from big")
    with closing(big_lab.connect()) as connection, pytest.raises(Exception, match="statement timeout"):
        plan_export(connection, big_lab.store, big_lab.run(), slow, big_lab.options, timeout=0.3)
    assert big_lab.open_uploads() == []


def test_waiting_for_a_lock_ends_at_the_time_out(big_lab: Lab) -> None:
    with closing(big_lab.connect()) as holder, closing(big_lab.connect()) as connection:
        holder.cursor().execute("lock table big in access exclusive mode")
        with pytest.raises(Exception, match=r"timeout"):
            plan_export(connection, big_lab.store, big_lab.run(), BIG, big_lab.options, timeout=0.3)


def test_no_session_is_left_behind(big_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours in the middle of a COPY ends the server's side too."""

    def fail() -> None:
        raise KeyboardInterrupt

    plan = big_lab.plan(big_lab.run(), BIG)
    in_the_middle(monkeypatch, fail)
    with closing(big_lab.connect()) as connection:
        pid = connection.info.backend_pid
        with pytest.raises(KeyboardInterrupt):
            chunk.export_chunks(connection, big_lab.store, plan, [0, 1, 2], timeout=60)
    there = f"select count(*) from pg_stat_activity where pid = {pid}"
    wait_for(lambda: not big_lab.value(there), "the session has ended")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("upload")] == []
