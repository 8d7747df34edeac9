"""The lists for Redshift and Athena: after the manifest, true to it, none left behind, healed by another try."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.plan.planner import Export
from tests.integration.export.book import BOOK, LIST, fill

if TYPE_CHECKING:
    from tests.exporting import Lab

REDSHIFT = "enercity/prod/lists/redshift/"
ATHENA = "enercity/prod/lists/athena/"


def listed(lab: Lab) -> list[str]:
    return list(lab.store.keys("enercity/prod/lists/"))


def with_lists(lab: Lab, *kinds: str) -> None:
    lab.options = lab.options.model_validate(lab.options.model_dump() | {"load_lists": kinds})


def body(lab: Lab, key: str) -> str:
    found = lab.store.read(key)
    assert found is not None
    return found.body.decode()


def test_the_lists_name_the_files_of_the_manifest(any_store: Lab) -> None:
    fill(any_store, 250)
    with_lists(any_store, "redshift", "athena")
    any_store.whole_run([BOOK, LIST])
    assert listed(any_store) == [
        f"{ATHENA}book/files.txt", f"{ATHENA}customer/list/files.txt", f"{REDSHIFT}book.json",
        f"{REDSHIFT}customer/list.json",
    ]  # fmt: skip
    files = any_store.manifest().exports["book"].files
    urls = [any_store.store.url(file.key) for file in files]
    assert body(any_store, f"{ATHENA}book/files.txt").splitlines() == urls
    entries = json.loads(body(any_store, f"{REDSHIFT}book.json"))["entries"]
    assert entries == [
        {"url": url, "mandatory": True, "meta": {"content_length": file.bytes}}
        for url, file in zip(urls, files, strict=True)
    ]


def test_lists_follow_the_next_publication_and_stale_ones_go(any_store: Lab) -> None:
    fill(any_store, 250)
    with_lists(any_store, "redshift", "athena")
    any_store.whole_run([BOOK, LIST])
    fill(any_store, 50)
    with_lists(any_store, "redshift")
    any_store.whole_run([BOOK])
    assert listed(any_store) == [f"{REDSHIFT}book.json"]
    assert len(json.loads(body(any_store, f"{REDSHIFT}book.json"))["entries"]) == 1
    with_lists(any_store)
    any_store.whole_run([BOOK])
    assert listed(any_store) == []


def test_an_export_that_a_run_leaves_out_keeps_its_list(lab: Lab) -> None:
    fill(lab, 250)
    with_lists(lab, "redshift")
    lab.whole_run([BOOK, LIST])
    run = lab.run()
    plan = lab.plan(run, BOOK)
    lab.publish([plan], lab.chunks(plan), keep=["customer/list"])
    assert listed(lab) == [f"{REDSHIFT}book.json", f"{REDSHIFT}customer/list.json"]


def test_another_try_writes_what_a_dead_publisher_has_not(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(lab, 250)
    with_lists(lab, "redshift", "athena")
    lab.whole_run([BOOK])
    before = body(lab, f"{REDSHIFT}book.json")
    fill(lab, 50)
    run = lab.run()
    plan = lab.plan(run, BOOK)
    states = lab.chunks(plan)
    write = lab.store.put_if

    def dies(key: str, *rest: Any) -> str:
        if "/lists/" in key:
            raise KeyboardInterrupt
        return write(key, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(lab.store, "put_if", dies)
        with pytest.raises(KeyboardInterrupt):
            lab.publish([plan], states)
    assert lab.manifest().run_id == run.run_id, "the manifest is written first"
    assert body(lab, f"{REDSHIFT}book.json") == before
    assert lab.publish([plan], states).repeated
    assert len(json.loads(body(lab, f"{REDSHIFT}book.json"))["entries"]) == 1
    assert len(body(lab, f"{ATHENA}book/files.txt").splitlines()) == 1


def test_an_export_whose_name_looks_like_the_lists_stays(lab: Lab) -> None:
    fill(lab, 50)
    with_lists(lab, "redshift")
    export = Export("lists/redshift/book", table=("public", "book"))
    lab.whole_run([export])
    lab.whole_run([export])
    assert listed(lab) == [f"{REDSHIFT}book_0000.csv", f"{REDSHIFT}lists/redshift/book.json"]
