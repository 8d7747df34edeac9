"""Answers of S3 in cases that the local server does not have."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from billing_aggregator.export.errors import PreconditionFailedError, RemovalRefusedError, UploadError, UploadGoneError
from billing_aggregator.export.store.protocol import Part, Upload
from billing_aggregator.export.store.s3_store import S3Store
from billing_aggregator.s3.answers import crc32_base64
from billing_aggregator.s3.defaults import client_config

UPLOAD = Upload("a/b/c_0000.csv", "id", "token")


@pytest.fixture
def stubbed() -> tuple[S3Store, Stubber]:
    client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(client)
    stub.activate()
    return S3Store(client, "bucket"), stub


def test_a_part_for_an_upload_that_is_gone(stubbed: tuple[S3Store, Stubber]) -> None:
    store, stub = stubbed
    stub.add_client_error("upload_part", "NoSuchUpload", http_status_code=404)
    with pytest.raises(UploadGoneError, match="completed or aborted; run the export again from its plan"):
        store.write_part(UPLOAD, 1, b"x", 8)


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_a_conditional_write_that_is_refused(stubbed: tuple[S3Store, Stubber], code: str) -> None:
    store, stub = stubbed
    stub.add_client_error("put_object", code, http_status_code=412)
    with pytest.raises(PreconditionFailedError):
        store.put_if("k", b"x", None)


def test_replacing_an_object_that_is_gone(stubbed: tuple[S3Store, Stubber]) -> None:
    store, stub = stubbed
    stub.add_client_error("put_object", "NoSuchKey", http_status_code=404)
    with pytest.raises(PreconditionFailedError):
        store.put_if("k", b"x", "etag")


@pytest.mark.parametrize("code", ["InvalidPart", "InvalidPartOrder", "EntityTooSmall"])
def test_parts_that_s3_refuses(stubbed: tuple[S3Store, Stubber], code: str) -> None:
    store, stub = stubbed
    stub.add_client_error("complete_multipart_upload", code, http_status_code=400)
    with pytest.raises(UploadError, match=code):
        store.complete(UPLOAD, [Part(1, 1, "e", "crc")])


def test_an_object_of_ours_with_another_size(stubbed: tuple[S3Store, Stubber]) -> None:
    store, stub = stubbed
    stub.add_response("head_object", {"Metadata": {"bda-upload": "token"}, "ContentLength": 5, "ETag": "e"})
    with pytest.raises(UploadError, match="5 bytes"):
        store.completed(UPLOAD, 6, "sha")


@pytest.mark.parametrize("version", ["null", None])
def test_a_bucket_without_versions(stubbed: tuple[S3Store, Stubber], version: str | None) -> None:
    store, stub = stubbed
    head = {"Metadata": {"bda-upload": "token"}, "ContentLength": 5, "ETag": "e"} | (
        {"VersionId": version} if version else {}
    )
    stub.add_response("head_object", head)
    stored = store.completed(UPLOAD, 5, "sha")
    assert stored is not None
    assert stored.version_id is None


def test_a_key_that_cannot_be_removed_is_tried_alone_and_then_named(stubbed: tuple[S3Store, Stubber]) -> None:
    store, stub = stubbed
    stub.add_response("delete_objects", {"Errors": [{"Key": "k", "Code": "AccessDenied"}]})
    stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
    with pytest.raises(RemovalRefusedError, match=r"bucket/k cannot be removed: AccessDenied; grant s3:DeleteObj"):
        store.remove(["k"])


def test_a_key_that_only_bulk_could_not_remove(stubbed: tuple[S3Store, Stubber]) -> None:
    store, stub = stubbed
    stub.add_response("delete_objects", {"Errors": [{"Key": "k", "Code": "InternalError"}]})
    stub.add_response("delete_object", {}, {"Bucket": "bucket", "Key": "k"})
    store.remove(["k", "l"])
    stub.assert_no_pending_responses()


def test_checksum_as_s3_writes_it() -> None:
    assert crc32_base64(b"123456789") == "y/Q5Jg=="


def test_parts_are_not_hashed_twice() -> None:
    assert client_config().s3 == {"payload_signing_enabled": False}
