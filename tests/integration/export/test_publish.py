"""Publication: verified, complete, tidy, repeatable; readers of the manifest see one whole run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.errors import (
    ManifestError,
    PublicationInProgressError,
    PublicationSupersededError,
    UploadError,
    UploadGoneError,
)
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import abort_run, is_published, sweep_uploads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.s3 import LocalS3
    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
LIST = Export("customer/list", query="select id, amount from book where id > 0 order by id")


def fill(lab: Lab, rows: int, factor: int = 1) -> None:
    lab.sql(
        "drop table if exists book cascade",
        f"create table book as select g id, g * {factor}.25 amount from generate_series(1, {rows}) g",
    )
    lab.options = lab.options.model_validate(lab.options.model_dump() | {"max_rows_per_file": 100})


def test_nothing_is_visible_before_publication(any_store: Lab) -> None:
    fill(any_store, 250)
    plan = any_store.plan(any_store.run(), BOOK)
    states = any_store.chunks(plan)
    assert list(any_store.store.keys("")) == []
    assert any_store.open_uploads() == [
        "enercity/prod/book_0000.csv",
        "enercity/prod/book_0001.csv",
        "enercity/prod/book_0002.csv",
    ]
    any_store.publish([plan], states)
    assert any_store.files() == [
        "enercity/prod/book_0000.csv",
        "enercity/prod/book_0001.csv",
        "enercity/prod/book_0002.csv",
    ]
    assert any_store.open_uploads() == []


def test_the_manifest_says_it_all(any_store: Lab) -> None:
    fill(any_store, 250)
    run = any_store.run("scheduled__2026-02-01")
    any_store.whole_run([BOOK, LIST], run)
    found = any_store.store.read("enercity/prod/_manifest.json")
    assert found is not None
    manifest = json.loads(found.body)
    assert manifest.pop("published_at").endswith("+00:00")
    book = manifest.pop("exports")["book"]
    assert manifest == {
        "schema_version": 1,
        "run_id": "scheduled__2026-02-01",
        "client": "enercity",
        "environment": "prod",
        "business_date": "2026-01-31",
    }
    assert book["columns"] == ["id", "amount"]
    assert book["rows"] == 250
    assert book["control_totals"] == {"id": "31375", "amount": "39218.75"}
    assert book["csv"] == {"compression": "none", "delimiter": ",", "encoding": "UTF-8", "header": True, "null": ""}
    assert [file["rows"] for file in book["files"]] == [100, 100, 50]
    assert set(book["files"][0]) == {"key", "version_id", "rows", "bytes", "sha256", "etag"}
    check_publication(any_store.store, any_store.manifest())


def test_the_same_data_give_the_same_manifest(any_store: Lab) -> None:
    fill(any_store, 250)
    seen = set()
    for _ in range(3):
        any_store.whole_run([BOOK, LIST])
        manifest = any_store.manifest().model_dump(exclude={"run_id", "published_at"})
        for export in manifest["exports"].values():
            for file in export["files"]:
                del file["version_id"]
        seen.add(json.dumps(manifest))
    assert len(seen) == 1


def test_a_versioned_bucket_keeps_the_run_before_readable(lab: Lab) -> None:
    fill(lab, 250)
    lab.whole_run([BOOK])
    first = lab.manifest()
    fill(lab, 120, factor=7)
    lab.whole_run([BOOK])
    assert all(file.version_id for file in first.exports["book"].files)
    check_publication(lab.store, first)
    check_publication(lab.store, lab.manifest())


def test_fewer_files_fewer_exports_another_compression(any_store: Lab) -> None:
    fill(any_store, 1050)
    any_store.whole_run([BOOK, LIST])
    assert len(any_store.files()) == 22
    others = ["enercity/prod/book_0000.csv.bak", "enercity/prod/notes.txt", "enercity/prod/booking_0007.csv"]
    for key in others:
        any_store.store.put_if(key, b"somebody else's", None)
    fill(any_store, 250)
    publication = any_store.whole_run([BOOK])
    assert any_store.files() == sorted([*others, *(f"enercity/prod/book_{i:04d}.csv" for i in range(3))])
    assert len(publication.removed) == 19
    options = any_store.options.model_validate({"max_rows_per_file": 100, "compression": "gzip"})
    any_store.whole_run([BOOK], options=options)
    assert any_store.files() == sorted([*others, *(f"enercity/prod/book_{i:04d}.csv.gz" for i in range(3))])
    check_publication(any_store.store, any_store.manifest())


@pytest.mark.parametrize("field", ["business_date", "run"])
def test_a_template_with_day_or_run_keeps_history(any_store: Lab, field: str) -> None:
    fill(any_store, 250)
    options = any_store.options.model_validate(
        {"key_template": f"{{client}}/{{environment}}/{{{field}}}/{{file}}", "max_rows_per_file": 100}
    )
    any_store.whole_run([BOOK], any_store.run(business_date="2026-01-30"), options)
    first = any_store.manifest()
    fill(any_store, 120, factor=3)
    any_store.whole_run([BOOK], any_store.run(business_date="2026-01-31"), options)
    assert len(any_store.files()) == 5
    check_publication(any_store.store, first)
    check_publication(any_store.store, any_store.manifest())


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


def test_a_broken_manifest_is_not_overwritten(any_store: Lab) -> None:
    fill(any_store, 250)
    any_store.store.put_if("enercity/prod/_manifest.json", b"{}", None)
    with pytest.raises(ManifestError, match="no manifest"):
        any_store.whole_run([BOOK])


def test_folders_and_files_of_a_local_target(new_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = new_lab(kind="file")
    fill(lab, 250)
    previous = os.umask(0o077)
    try:
        lab.whole_run([BOOK, LIST])
    finally:
        os.umask(previous)
    out = tmp_path / "out"
    assert {oct(p.stat().st_mode & 0o777) for p in [out, *out.rglob("*")] if p.is_dir()} == {"0o750"}
    files = [p for p in out.rglob("*") if p.is_file() and not p.name.startswith(".")]
    assert {oct(p.stat().st_mode & 0o777) for p in files} == {"0o640"}
    assert [p.name for p in out.rglob(".*") if p.name != ".lock"] == []


def test_attributes_reach_s3(lab: Lab, s3_server: LocalS3, bucket: str) -> None:
    fill(lab, 10)
    options = lab.options.model_validate({
        "encryption": "sse-kms", "kms_key_id": "alias/export", "storage_class": "STANDARD_IA",
        "tags": {"data": "billing = open/items", "team": "x y"}, "compression": "gzip",
    })  # fmt: skip
    lab.whole_run([BOOK], options=options)
    client = s3_server.client()
    head = client.head_object(Bucket=bucket, Key="enercity/prod/book_0000.csv.gz")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/export")
    assert (head["StorageClass"], head["ContentType"]) == ("STANDARD_IA", "application/gzip")
    tags = client.get_object_tagging(Bucket=bucket, Key="enercity/prod/book_0000.csv.gz")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"data": "billing = open/items", "team": "x y"}


def test_s3_managed_keys(lab: Lab, s3_server: LocalS3, bucket: str) -> None:
    fill(lab, 10)
    lab.whole_run([BOOK], options=lab.options.model_validate({"encryption": "sse-s3"}))
    head = s3_server.client().head_object(Bucket=bucket, Key="enercity/prod/book_0000.csv")
    assert head["ServerSideEncryption"] == "AES256"


def test_many_parts(any_store: Lab) -> None:
    any_store.sql(
        "drop table if exists wide_book",
        "create table wide_book as select g, repeat(md5(g::text), 400) t from generate_series(1, 1500) g",
    )
    options = any_store.options.model_validate({"part_bytes": 5 << 20, "max_rows_per_file": 900})
    any_store.whole_run([Export("wide", table=("public", "wide_book"))], options=options)
    check_publication(any_store.store, any_store.manifest())
    assert [file.rows for file in any_store.manifest().exports["wide"].files] == [900, 600]
