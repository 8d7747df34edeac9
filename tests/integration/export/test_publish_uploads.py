"""Uploads that are not what was planned are refused; those that nobody publishes are aborted and swept."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.errors import (
    UploadError,
    UploadGoneError,
)
from billing_aggregator.export.store.abandoned_uploads import abort_run, is_published, sweep_uploads
from tests.integration.export.book import BOOK, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.exporting import Lab


def test_missing_and_foreign_states_are_refused(lab: Lab) -> None:
    fill(lab, 250)
    plan, other = lab.plan(lab.run(), BOOK), lab.plan(lab.run(), BOOK)
    states = lab.chunks(plan)
    for wrong in (states[:2], [*states, states[0]], [replace(states[0], index=9), *states[1:]]):
        with pytest.raises(UploadError, match="not those that were planned"):
            lab.publish([plan], wrong)
    with pytest.raises(UploadError, match="planned for"):
        lab.publish([plan, other], states)
    with pytest.raises(UploadError, match="more than once"):
        lab.publish([plan, plan], states)
    with pytest.raises(UploadError, match="99 rows"):
        lab.publish([plan], [replace(states[0], rows=99), *states[1:]])
    assert list(lab.store.keys("")) == []


def test_parts_that_differ_from_the_states_are_refused(lab: Lab) -> None:
    fill(lab, 250)
    plan = lab.plan(lab.run(), BOOK)
    states = lab.chunks(plan)
    lab.store.write_part(plan.chunks[1].upload, 1, b"other bytes", 8 << 20)
    with pytest.raises(UploadError, match="part 1 is"):
        lab.publish([plan], states)
    assert lab.files() == []


def test_a_part_that_is_missing_is_refused(any_store: Lab) -> None:
    fill(any_store, 250)
    plan = any_store.plan(any_store.run(), BOOK)
    states = any_store.chunks(plan, [0, 1])
    empty = replace(any_store.chunks(plan, [2])[0])
    any_store.store.abort(plan.chunks[2].upload)
    with pytest.raises(UploadGoneError, match="aborted"):
        any_store.publish([plan], [*states, empty])
    assert any_store.files() == []


def test_exporting_into_an_aborted_upload_says_so(new_lab: Callable[..., Lab]) -> None:
    """In a folder; the local S3 server answers such a part with an internal error, see the unit test for S3."""
    lab = new_lab(kind="file")
    fill(lab, 250)
    plan = lab.plan(lab.run(), BOOK)
    abort_run(lab.store, [plan])
    with pytest.raises(UploadGoneError):
        lab.chunks(plan)


def test_aborting_twice_and_after_publication(any_store: Lab) -> None:
    fill(any_store, 250)
    plan = any_store.plan(any_store.run(), BOOK)
    assert not is_published(any_store.store, [plan])
    any_store.publish([plan], any_store.chunks(plan))
    assert is_published(any_store.store, [plan])
    assert abort_run(any_store.store, [plan]) == 0
    assert len(any_store.files()) == 3


def test_the_sweep_takes_old_uploads_of_its_prefix_only(new_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = new_lab(kind="file")
    fill(lab, 250)
    plan = lab.plan(lab.run(), BOOK)
    lab.store.start("enercity/stage/x_0000.csv", "token", lab.options)
    old = tmp_path / "out" / "enercity" / "prod" / plan.chunks[0].upload.upload_id
    os.utime(old, (1, 1))
    assert sweep_uploads(lab.store, "enercity/prod/") == ["enercity/prod/book_0000.csv"]
    assert len(lab.open_uploads()) == 2
    assert sweep_uploads(lab.store, "enercity/prod/", older_than=-1) == [
        "enercity/prod/book_0001.csv",
        "enercity/prod/book_0002.csv",
    ]
    assert len(list(lab.store.open_uploads("enercity/stage/"))) == 1
    with pytest.raises(ValueError, match="empty prefix"):
        sweep_uploads(lab.store, "/")


def test_the_sweep_on_s3(lab: Lab) -> None:
    """The local S3 server gives every upload a date of 2010, so all of them are old."""
    fill(lab, 250)
    lab.plan(lab.run(), BOOK)
    assert sweep_uploads(lab.store, "enercity/stage/") == []
    assert len(sweep_uploads(lab.store, "enercity/prod/", older_than=10**10)) == 0
    assert len(sweep_uploads(lab.store, "enercity/prod/")) == 3
    assert lab.open_uploads() == []
