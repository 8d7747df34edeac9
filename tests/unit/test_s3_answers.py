"""Answers of S3 in the spellings of different stores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.s3 import answers
from billing_aggregator.s3.bucket import Bucket

EVERYTHING = ExportOptions.model_validate(
    {
        "encryption": "sse-kms",
        "kms_key_id": "alias/b",
        "bucket_key": True,
        "acl": "bucket-owner-full-control",
        "storage_class": "STANDARD_IA",
        "tags": {"class": "secret data", "a": "b"},
        "requester_pays": True,
        "expected_bucket_owner": "012345678901",
    }
)
EVERYWHERE = {"RequestPayer": "requester", "ExpectedBucketOwner": "012345678901"}
OBJECT = EVERYWHERE | {
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "alias/b",
    "BucketKeyEnabled": True,
    "ACL": "bucket-owner-full-control",
    "Tagging": "a=b&class=secret+data",
}
ALL = [
    "get_object", "head_object", "upload_part", "list_parts", "complete_multipart_upload", "abort_multipart_upload",
    "delete_object", "delete_objects", "list_objects_v2", "list_multipart_uploads",
]  # fmt: skip


@pytest.mark.parametrize("etag", ['"abc-1"', "abc-1", 'W/"abc-1"', ' "abc-1" '])
def test_an_etag_has_one_form(etag: str) -> None:
    assert answers.quoted(etag) == '"abc-1"'
    assert answers.bare(etag) == "abc-1"


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": ""}])
def test_without_a_date_the_machines_clock_counts(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr(answers, "now", lambda: now)
    answer: Any = {"ResponseMetadata": {"HTTPHeaders": headers}}
    assert answers.answered_at(answer) == now
    assert answers.age(answer, datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)) == 5
    assert answers.age(answer, None) == 0


@pytest.mark.parametrize("date", ["Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 -0000"])
def test_the_stores_clock_counts_where_it_says_one(date: str) -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    assert answers.answered_at(answer) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def bucket() -> Bucket:
    client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    return Bucket(client, "bucket", EVERYTHING)


@pytest.mark.parametrize("operation", ALL)
def test_requester_pays_and_bucket_owner_are_sent_with_every_request(bucket: Bucket, operation: str) -> None:
    assert bucket.extras(operation) == EVERYWHERE


def test_the_attributes_of_objects_are_sent_with_every_object(bucket: Bucket) -> None:
    assert bucket.extras("put_object") == OBJECT
    assert bucket.extras("create_multipart_upload") == OBJECT | {"StorageClass": "STANDARD_IA"}


def test_by_default_nothing_is_added(bucket: Bucket) -> None:
    bucket.use(ExportOptions())
    assert all(bucket.extras(operation) == {} for operation in (*ALL, "put_object", "create_multipart_upload"))
