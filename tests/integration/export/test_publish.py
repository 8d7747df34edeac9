"""Publication: complete, tidy, with the right attributes; readers of the manifest see one whole run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.errors import (
    ManifestError,
)
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from tests.integration.export.book import BOOK, LIST, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.s3 import LocalS3
    from tests.exporting import Lab


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
        "schema_version": 2,
        "run_id": "scheduled__2026-02-01",
        "client": "enercity",
        "environment": "prod",
        "business_date": "2026-01-31",
    }
    assert book["columns"] == ["id", "amount"]
    assert [column["name"] for column in book["column_details"]] == book["columns"]
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
