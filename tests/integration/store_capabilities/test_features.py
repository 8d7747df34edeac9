"""Features that a store lacks: named before any work, or reported with the way around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tests.faults.peculiar_s3 import (
    CREATING,
    PeculiarS3,
    bulk_needs_md5,
    ignores,
    needs_header,
    no_conditions,
    refuses,
    refuses_checksums,
)
from tests.integration.store_capabilities.place import Place, begin

if TYPE_CHECKING:
    from collections.abc import Callable

ENCRYPTION = "x-amz-server-side-encryption"
LACKS: dict[str, tuple[Any, str, str]] = {
    "501": (no_conditions(501, "NotImplemented"), "objects", "does not do conditional writes (it answers 501 NotImpl"),
    "405": (no_conditions(405, "MethodNotAllowed"), "objects", "does not do conditional writes (it answers 405"),
    "400": (no_conditions(400, "InvalidArgument"), "objects", "does not do conditional writes (it answers 400"),
    "ignores both": (
        ignores("If-Match", "If-None-Match"),
        "conditional writes",
        "the store takes If-None-Match: * and ignores it, it wrote all the same: two runs could publish at once; use",
    ),
    "ignores If-Match": (ignores("If-Match"), "conditional writes", "takes If-Match and ignores it"),
    "checksums": (refuses_checksums, "objects", "refuses checksums (x-amz-checksum-crc32: 400 InvalidArgument); set"),
    "checksums of parts": (
        needs_header("x-amz-none", names={"upload part"}),
        "multipart uploads",
        "UploadPart failed; grant s3:PutObject",
    ),
    "encryption": (
        needs_header(ENCRYPTION),
        "objects",
        "grant s3:PutObject, or set export.encryption where",
    ),
    "delete": (refuses("delete file", 403, "AccessDenied"), "deletes", "DeleteObject failed; grant s3:DeleteObject"),
    "get": (refuses("get file", 403, "AccessDenied"), "objects", "GetObject failed; grant s3:GetObject"),
    "list parts": (
        refuses("list parts", 403, "AccessDenied"),
        "multipart uploads",
        "ListParts failed; grant s3:ListMultipartUploadParts",
    ),
    "list uploads": (
        refuses("list uploads", 501, "NotImplemented"),
        "multipart uploads",
        "ListMultipartUploads failed",
    ),
}


@pytest.mark.parametrize("name", LACKS)
def test_a_missing_feature_of_the_store_is_named_before_any_work(make: Callable[..., Place], name: str) -> None:
    habit, subject, words = LACKS[name]
    place = make(PeculiarS3(habit))
    state, detail = place.findings()[subject]
    assert state == "FAILED"
    assert words in detail
    with pytest.raises(AirflowFailException) as refusal:
        begin(place.config)
    message = str(refusal.value)
    assert f"cannot be used: {subject}: " in message
    assert words in message
    assert len(message.splitlines()) == 1


FINE: dict[str, tuple[PeculiarS3, dict[str, Any], dict[str, str]]] = {
    "plain": (PeculiarS3(), {}, {"deletes": "removed, with DeleteObjects", "answers": "with quotes, versioned, Date"}),
    "no versions": (PeculiarS3(), {"versioned": False}, {"answers": "no versions"}),
    "bulk deletes": (PeculiarS3(bulk_needs_md5), {}, {"deletes": "one by one: the store refuses DeleteObjects (Missi"}),
    "bulk deletes without versions": (
        PeculiarS3(refuses("delete objects", 501, "NotImplemented")),
        {"versioned": False},
        {"deletes": "one by one"},
    ),
    "ETags": (PeculiarS3(bare_etags=True), {}, {"answers": "ETags without quotes"}),
    "Date": (PeculiarS3(no_date=True), {}, {"answers": "no Date: ages are by this machine's clock"}),
    "checksums": (PeculiarS3(refuses_checksums), {"checksums": False}, {"deletes": "one by one"}),
    "encryption": (
        PeculiarS3(needs_header(ENCRYPTION, "aws:kms")),
        {"encryption": "sse-kms", "kms_key_id": "alias/b", "bucket_key": True},
        {"objects": "SSEKMSKeyId=alias/b"},
    ),
    "ACL": (
        PeculiarS3(needs_header("x-amz-acl", "bucket-owner-full-control")),
        {"acl": "bucket-owner-full-control"},
        {"objects": "ACL=bucket-owner-full-control"},
    ),
    "tags": (PeculiarS3(needs_header("x-amz-tagging", names=CREATING)), {"tags": {"a": "b"}}, {}),
    "requester pays": (
        PeculiarS3(needs_header("x-amz-request-payer", "requester", names=None)),
        {"requester_pays": True},
        {},
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_a_missing_feature_with_a_workaround_is_reported_and_nothing_is_left(
    make: Callable[..., Place], name: str
) -> None:
    server, options, words = FINE[name]
    place = make(server, **options)
    found = place.findings()
    assert {state for state, _ in found.values()} == {"ok"}, found
    for subject, text in words.items():
        assert text in found[subject][1]
    begin(place.config)
    assert place.left() == []
