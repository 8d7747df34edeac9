"""Publication a second time, too late, or while another run publishes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.errors import (
    PublicationInProgressError,
    PublicationSupersededError,
)
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import abort_run
from tests.integration.export.book import BOOK, LIST, fill

if TYPE_CHECKING:
    from tests.exporting import Lab


def test_a_repeated_publication_changes_nothing(any_store: Lab) -> None:
    fill(any_store, 250)
    run = any_store.run()
    plans = [any_store.plan(run, BOOK), any_store.plan(run, LIST)]
    states = [state for plan in plans for state in any_store.chunks(plan)]
    any_store.publish(plans, states)
    before = any_store.store.read(run.manifest_key)
    again = any_store.publish(plans, states)
    assert again.repeated
    after = any_store.store.read(run.manifest_key)
    assert before is not None
    assert after is not None
    assert after.etag == before.etag


def test_a_repeated_chunk_writes_the_same_parts(any_store: Lab) -> None:
    fill(any_store, 250)
    plan = any_store.plan(any_store.run(), BOOK)
    first, second = any_store.chunks(plan), any_store.chunks(plan, [1])
    assert first[1].parts == second[0].parts
    assert any_store.open_uploads() == [chunk.upload.key for chunk in plan.chunks]
    any_store.publish([plan], [first[0], second[0], first[2]])


def test_a_run_may_be_repeated_from_its_plan(any_store: Lab) -> None:
    fill(any_store, 250)
    run = any_store.run()
    any_store.whole_run([BOOK], run)
    fill(any_store, 120, factor=2)
    assert not any_store.whole_run([BOOK], run).repeated
    assert any_store.manifest().exports["book"].rows == 120


def test_a_run_that_was_overtaken_does_not_publish(any_store: Lab) -> None:
    fill(any_store, 250)
    late = any_store.plan(any_store.run("late"), BOOK)
    states = any_store.chunks(late)
    any_store.whole_run([BOOK], any_store.run("winner"))
    with pytest.raises(PublicationSupersededError, match="winner"):
        any_store.publish([late], states)
    assert any_store.manifest().run_id == "winner"
    assert len(any_store.open_uploads()) == 3
    assert abort_run(any_store.store, [late]) == 3
    assert any_store.open_uploads() == []
    check_publication(any_store.store, any_store.manifest())


def _lock(lab: Lab, run_id: str, ttl: float) -> None:
    body = {"run_id": run_id, "host": "elsewhere", "ttl": ttl, "released": False}
    lab.store.put_if("enercity/prod/_publishing.json", json.dumps(body).encode(), None)


def test_a_lock_keeps_others_out(any_store: Lab) -> None:
    fill(any_store, 250)
    _lock(any_store, "somebody", ttl=300)
    with pytest.raises(PublicationInProgressError, match="somebody"):
        _publish(any_store, lock_wait=0)


def _publish(lab: Lab, **options: Any) -> None:
    plan = lab.plan(lab.run(), BOOK)
    lab.publish([plan], lab.chunks(plan), **options)


def test_a_dead_holders_lock_is_taken_over(any_store: Lab) -> None:
    fill(any_store, 250)
    _lock(any_store, "somebody", ttl=-1)
    _publish(any_store, lock_wait=0)
    assert any_store.manifest().exports["book"].rows == 250


def test_a_run_takes_its_own_lock_again(any_store: Lab) -> None:
    fill(any_store, 250)
    _lock(any_store, "mine", ttl=300)
    plan = any_store.plan(any_store.run("mine"), BOOK)
    any_store.publish([plan], any_store.chunks(plan), lock_wait=0)
