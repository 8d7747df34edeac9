"""A run that leaves an export out on purpose: what was published of it stays, and the manifest says whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.reader import check_publication
from tests.integration.export.book import BOOK, LIST, fill

if TYPE_CHECKING:
    from billing_aggregator.export.publish.commit import Publication
    from tests.exporting import Lab


def publish_book(lab: Lab, run_id: str, keep: list[str]) -> Publication:
    plan = lab.plan(lab.run(run_id), BOOK)
    return lab.publish([plan], lab.chunks(plan), keep=keep)


def test_what_is_left_out_stays_published(any_store: Lab) -> None:
    fill(any_store, 250)
    any_store.whole_run([BOOK, LIST], any_store.run("first"))
    before = any_store.manifest().exports[LIST.name]

    fill(any_store, 120, factor=7)
    for run_id in ("second", "third"):
        publication = publish_book(any_store, run_id, [BOOK.name, LIST.name])
        manifest = any_store.manifest()
        assert publication.manifest == manifest
        assert manifest.run_id == run_id
        assert manifest.exports[BOOK.name].kept_from is None
        assert manifest.exports[BOOK.name].rows == 120
        kept = manifest.exports[LIST.name]
        assert kept.files == before.files
        assert kept.kept_from is not None
        assert kept.kept_from.run_id == "first"
        check_publication(any_store.store, manifest)
    assert publish_book(any_store, "third", [BOOK.name, LIST.name]).repeated


def test_an_export_that_is_no_more_goes(any_store: Lab) -> None:
    fill(any_store, 250)
    any_store.whole_run([BOOK, LIST], any_store.run("first"))
    publish_book(any_store, "second", [BOOK.name])
    assert set(any_store.manifest().exports) == {BOOK.name}
    assert not any(LIST.name in key for key in any_store.files())
