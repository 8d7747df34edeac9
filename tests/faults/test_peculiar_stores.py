"""A whole run on stores other than AWS, and in buckets with policies: published, or refused with a reason."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.errors.kinds import TerminalError, classify
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import sweep_uploads
from billing_aggregator.export.store.factory import open_store
from tests.exporting import Lab
from tests.faults.conftest import refill
from tests.faults.peculiar_s3 import (
    PeculiarS3,
    bulk_needs_md5,
    ignores,
    needs_header,
    no_conditions,
    refuses,
    refuses_checksums,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOOK = Export("book", table=("public", "book"))
ENCRYPTION = "x-amz-server-side-encryption"


@contextmanager
def lab_on(server: PeculiarS3, dsn: str, *, versioned: bool = True, **options: Any) -> Iterator[Lab]:
    """A laboratory on *server*, with a table of 250 rows and files of 100."""
    with server:
        bucket = server.new_bucket(versioned=versioned)
        lab = Lab(dsn, "psycopg", open_store(f"s3://{bucket}", server.client), f"s3://{bucket}")
        lab.options = lab.options.model_validate({"max_rows_per_file": 100} | options)
        refill(lab, 250)
        yield lab


def publish_twice(lab: Lab) -> None:
    """Publish three files, then two."""
    lab.whole_run([BOOK])
    refill(lab, 150)
    lab.whole_run([BOOK])
    manifest = lab.manifest()
    check_publication(lab.store, manifest)
    assert lab.files() == [file.key for file in manifest.exports["book"].files]
    assert len(lab.files()) == 2
    assert sweep_uploads(lab.store, "enercity/prod/", older_than=0) == []


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        (needs_header(ENCRYPTION, "aws:kms"), {"encryption": "sse-kms"}),
        (needs_header(ENCRYPTION, "AES256"), {"encryption": "sse-s3"}),
        (
            needs_header("x-amz-server-side-encryption-aws-kms-key-id", "alias/billing"),
            {"encryption": "sse-kms", "kms_key_id": "alias/billing"},
        ),
        (needs_header("x-amz-tagging", "class=secret"), {"tags": {"class": "secret"}}),
    ],
    ids=["sse-kms", "sse-s3", "key", "tags"],
)
def test_a_policy_that_denies_objects_without_an_attribute(faults_dsn: str, policy: Any, options: Any) -> None:
    with lab_on(PeculiarS3(policy), faults_dsn, **options) as lab:
        publish_twice(lab)


@pytest.mark.parametrize("acl", ["bucket-owner-full-control", "private", "bucket-owner-read"])
def test_a_policy_that_denies_objects_without_an_acl(faults_dsn: str, acl: str) -> None:
    with lab_on(PeculiarS3(needs_header("x-amz-acl", acl)), faults_dsn, acl=acl) as lab:
        publish_twice(lab)


@pytest.mark.parametrize(
    ("header", "value", "options"),
    [
        ("x-amz-request-payer", "requester", {"requester_pays": True}),
        ("x-amz-expected-bucket-owner", "012345678901", {"expected_bucket_owner": "012345678901"}),
    ],
)
@pytest.mark.parametrize("bulk", [True, False])
def test_a_bucket_that_requires_a_header_on_every_request(
    faults_dsn: str, header: str, value: str, options: Any, bulk: bool
) -> None:
    habits = [needs_header(header, value, names=None)] + ([] if bulk else [bulk_needs_md5])
    with lab_on(PeculiarS3(*habits), faults_dsn, **options) as lab:
        publish_twice(lab)
        plan = lab.plan(lab.run(), BOOK)
        assert sweep_uploads(lab.store, "enercity/prod/", older_than=-1) == [c.upload.key for c in plan.chunks]


@pytest.mark.parametrize(
    "refusal",
    [
        bulk_needs_md5,
        refuses("delete objects", 501, "NotImplemented"),
        refuses("delete objects", 405, "MethodNotAllowed"),
        refuses("delete objects", 400, "MalformedXML"),
        refuses("delete objects", 400, "InvalidRequest"),
    ],
    ids=["Content-MD5", "501", "405", "MalformedXML", "InvalidRequest"],
)
@pytest.mark.parametrize("versioned", [True, False])
def test_a_store_that_refuses_bulk_deletes(faults_dsn: str, refusal: Any, versioned: bool) -> None:
    server = PeculiarS3(refusal)
    with lab_on(server, faults_dsn, versioned=versioned) as lab:
        refill(lab, 450)
        lab.whole_run([BOOK])
        server.seen.clear()
        publish_twice(lab)
        assert server.seen["delete file"] == 3
        # A publication asks a store that refuses once, not once for each file.
        assert server.seen["delete objects"] <= 2


CONDITIONS = "two runs could publish at once; use a store that knows If-None-Match and If-Match"


@pytest.mark.parametrize(
    ("habit", "words"),
    [
        (no_conditions(501, "NotImplemented"), r"does not do conditional writes \(it answers NotImplemented\)"),
        (no_conditions(405, "MethodNotAllowed"), r"does not do conditional writes \(it answers MethodNotAllowed\)"),
        (ignores("If-Match", "If-None-Match"), "takes If-None-Match: . and ignores it"),
        (ignores("If-None-Match"), "takes If-None-Match: . and ignores it"),
        (ignores("If-Match"), "takes If-Match and ignores it"),
    ],
    ids=["501", "405", "ignores both", "ignores If-None-Match", "ignores If-Match"],
)
def test_a_store_without_conditions_is_refused(faults_dsn: str, habit: Any, words: str) -> None:
    server = PeculiarS3(habit)
    with lab_on(server, faults_dsn) as lab:
        with pytest.raises(TerminalError, match=f"{words}.*{CONDITIONS}") as refusal:
            lab.whole_run([BOOK])
        assert classify(refusal.value) == "terminal"
        assert lab.files() == []
        assert server.seen["put manifest"] == server.seen["complete upload"] == 0


@pytest.mark.parametrize("versioned", [True, False])
def test_etags_without_quotes(faults_dsn: str, versioned: bool) -> None:
    with lab_on(PeculiarS3(bare_etags=True), faults_dsn, versioned=versioned) as lab:
        publish_twice(lab)
        etags = [file.etag for file in lab.manifest().exports["book"].files]
        assert all(etag.startswith('"') and etag.endswith('"') for etag in etags)


def literal(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
    """Compare If-Match with an ETag that has no quotes, character by character."""
    condition = environ.get("HTTP_IF_MATCH", "")
    if '"' in condition and name.startswith("put"):
        return 412, "PreconditionFailed"
    environ.update({"HTTP_IF_MATCH": f'"{condition}"'} if condition else {})
    return None


def test_etags_that_must_be_sent_without_quotes(faults_dsn: str) -> None:
    with lab_on(PeculiarS3(literal, bare_etags=True), faults_dsn) as lab:
        publish_twice(lab)


def test_answers_without_a_date(faults_dsn: str) -> None:
    with lab_on(PeculiarS3(no_date=True), faults_dsn) as lab:
        publish_twice(lab)


def test_a_store_that_refuses_checksums(faults_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = PeculiarS3(refuses_checksums)
    monkeypatch.setattr(server, "client", without_checksums(server.client))
    with lab_on(server, faults_dsn, checksums=False) as lab:
        publish_twice(lab)
        parts = [environ for name, environ in server.requests if name == "upload part"]
        assert all(environ["HTTP_CONTENT_MD5"] for environ in parts)


def test_a_connection_without_checksums_sends_none_with_parts_either(
    faults_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PeculiarS3(refuses_checksums)
    monkeypatch.setattr(server, "client", without_checksums(server.client))
    with lab_on(server, faults_dsn) as lab:
        publish_twice(lab)


def without_checksums(client: Callable[[], Any]) -> Callable[[], Any]:
    """Create *client* as with a connection, or an environment, that disables boto3's own checksums."""

    def create() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
            patch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
            return client()

    return create


def test_a_corrupted_part_is_noticed_without_checksums(faults_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(environ: dict[str, Any], name: str) -> None:
        if name == "upload part":
            size = int(environ["CONTENT_LENGTH"])
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(size)[:-1] + b"?")

    server = PeculiarS3(spoil)
    monkeypatch.setattr(server, "client", without_checksums(server.client))
    with lab_on(server, faults_dsn, checksums=False) as lab, pytest.raises(Exception, match="arrived as other bytes"):
        lab.whole_run([BOOK])
