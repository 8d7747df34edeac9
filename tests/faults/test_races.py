"""Two publishers meet: exactly one wins, the other ends cleanly, and the winner's publication is whole."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from billing_aggregator.export.errors import (
    ExportError,
    LockLostError,
    PublicationInProgressError,
    PublicationSupersededError,
)
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.publish import commit as publishing
from billing_aggregator.export.publish.source_check import verify_source
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import abort_run
from tests.faults.conftest import refill

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
RACES = 100


def race(
    lab: Lab, runs: list[tuple[ExportPlan, list[ChunkState]]], **options: Any
) -> tuple[list[str], list[ExportError]]:
    """Publish all *runs* at the same moment; return the runs that won and the others' errors."""
    barrier = threading.Barrier(len(runs))
    won: list[str] = []
    lost: list[ExportError] = []

    def publisher(plan: ExportPlan, states: list[ChunkState]) -> None:
        barrier.wait()
        try:
            lab.publish([plan], states, **options)
            won.append(plan.run.run_id)
        except ExportError as error:
            lost.append(error)

    threads = [threading.Thread(target=publisher, args=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won, lost


def prepare(lab: Lab, number: int) -> list[tuple[ExportPlan, list[ChunkState]]]:
    """Plan and export two runs that have the same publication before them and different files."""
    runs = []
    for name, rows in (("left", 99), ("right", 101)):
        options = lab.options.model_validate(lab.options.model_dump() | {"max_rows_per_file": rows})
        plan = lab.plan(lab.run(f"{name} {number}"), BOOK, options)
        runs.append((plan, lab.chunks(plan)))
    return runs


def assert_one_winner(lab: Lab, runs: list[tuple[ExportPlan, list[ChunkState]]], won: list[str]) -> None:
    assert len(won) == 1
    manifest = lab.manifest()
    assert manifest.run_id == won[0]
    check_publication(lab.store, manifest)
    for plan, states in runs:
        if plan.run.run_id == won[0]:
            assert [f.sha256 for f in manifest.exports["book"].files] == [state.sha256 for state in states]
        else:
            abort_run(lab.store, [plan])
    assert lab.open_uploads() == []


def a_hundred_races(lab: Lab) -> None:
    winners = set()
    for number in range(RACES):
        runs = prepare(lab, number)
        won, lost = race(lab, runs, lock_wait=600)
        assert [type(error) for error in lost] == [PublicationSupersededError]
        assert_one_winner(lab, runs, won)
        assert lab.files() == sorted(file.key for file in lab.manifest().exports["book"].files)
        winners.add(won[0].split()[0])
    assert winners == {"left", "right"}


def test_a_hundred_on_s3(faulty_lab: Lab) -> None:
    a_hundred_races(faulty_lab)


def test_a_hundred_in_a_folder(folder_lab: Callable[..., Lab]) -> None:
    lab = folder_lab()
    refill(lab, 200)
    a_hundred_races(lab)


def test_a_publisher_that_does_not_wait_gets_the_name_of_the_holder(folder_lab: Callable[..., Lab]) -> None:
    lab = folder_lab()
    for number in range(10):
        runs = prepare(lab, number)
        won, lost = race(lab, runs, lock_wait=0)
        assert_one_winner(lab, runs, won)
        assert isinstance(lost[0], (PublicationInProgressError, PublicationSupersededError))


class NoLock:
    """A publisher that is considered dead and does not know it."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def renew(self) -> None: ...


def test_without_any_lock_the_manifest_decides(faulty_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a versioned bucket the manifest's condition alone ensures one winner, with its own versions."""
    monkeypatch.setattr(publishing, "PublishLock", NoLock)
    for number in range(10):
        runs = prepare(faulty_lab, number)
        won, lost = race(faulty_lab, runs)
        assert [type(error) for error in lost] == [PublicationSupersededError]
        assert_one_winner(faulty_lab, runs, won)


def test_one_run_published_twice_at_once(faulty_lab: Lab) -> None:
    """A task that is considered dead and its next try: the same run, so neither is refused, and nothing breaks."""
    for number in range(5):
        plan = faulty_lab.plan(faulty_lab.run(f"same {number}"), BOOK)
        states = faulty_lab.chunks(plan)
        won, lost = race(faulty_lab, [(plan, states), (plan, states)])
        assert won
        assert all(isinstance(error, (LockLostError, PublicationSupersededError)) for error in lost)
        assert faulty_lab.manifest().run_id == f"same {number}"
        check_publication(faulty_lab.store, faulty_lab.manifest())
        faulty_lab.publish([plan], states)


def test_a_holder_that_lost_its_lock_stops(faulty_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = faulty_lab.plan(faulty_lab.run(), BOOK)
    states = faulty_lab.chunks(plan)

    def somebody_takes_the_lock(*arguments: Any, **options: Any) -> Any:
        found = faulty_lab.store.read("enercity/prod/_publishing.json")
        assert found is not None
        faulty_lab.store.put_if(
            "enercity/prod/_publishing.json", b'{"run_id": "x", "released": false, "ttl": 9}', found.etag
        )
        return verify_source(*arguments, **options)

    monkeypatch.setattr(publishing, "verify_source", somebody_takes_the_lock)
    with pytest.raises(LockLostError):
        faulty_lab.publish([plan], states)
    assert faulty_lab.files() == []


def test_one_query_planned_twice_at_once(faulty_lab: Lab) -> None:
    """A task that is considered dead and its next try freeze the same query: neither trips over the other's table."""
    sums = Export("sums", query="select id % 10 as digit, sum(amount) as total from book group by 1 order by 1")
    for number in range(10):
        run, barrier = faulty_lab.run(f"frozen {number}"), threading.Barrier(2)
        found: list[ExportPlan | Exception] = []

        def planner(run: Any = run, barrier: Any = barrier, found: Any = found) -> None:
            barrier.wait()
            try:
                found.append(faulty_lab.plan(run, sums))
            except Exception as problem:
                found.append(problem)

        threads = [threading.Thread(target=planner) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        plans = [each for each in found if not isinstance(each, Exception)]
        assert all(isinstance(each, ExportError) for each in found if each not in plans), found
        assert plans
        for plan in plans:
            abort_run(faulty_lab.store, [plan])
