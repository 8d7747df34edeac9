"""``health`` and a run's first task on peculiar stores: problems are named before any work, and nothing is left."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from billing_aggregator.cli.health_store import store_findings
from billing_aggregator.config import load_client
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.runs.params import default_params
from billing_aggregator.runs.preflight import check_bucket
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.local.postgres import EmbeddedPostgres

ENCRYPTION = "x-amz-server-side-encryption"


class Place:
    """A peculiar server, a bucket in it, and a client that uses both."""

    def __init__(self, server: PeculiarS3, config: ClientConfig) -> None:
        self.server = server
        self.config = config

    def findings(self) -> dict[str, tuple[str, str]]:
        return {found.subject: (found.state, found.detail) for found in store_findings(self.config)}

    def left(self) -> list[str]:
        """Return what is in the bucket."""
        self.server.habits = ()
        client, bucket = self.server.client(), self.config.s3_bucket
        versions = client.list_object_versions(Bucket=bucket)
        uploads: list[str] = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in versions.get(kind, [])] + uploads


Make = "Callable[..., Place]"


@pytest.fixture
def make(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Return a function that starts a server with habits: ``make(server, versioned=True, **export options)``."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    servers: list[PeculiarS3] = []

    def start(server: PeculiarS3, *, versioned: bool = True, **export: Any) -> Place:
        servers.append(server.__enter__())
        bucket = server.new_bucket(versioned=versioned)
        variables = {
            "BDA_DB_HOST": postgres.host,
            "BDA_DB_PORT": str(postgres.port),
            "BDA_DB_NAME": "postgres",
            "BDA_DB_USER": "postgres",
            "BDA_S3_URL": server.url,
            "BDA_S3_BUCKET": bucket,
            "BDA_S3_ACCESS_KEY": ACCESS_KEY,
            "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        config = load_client("enercity", "local")
        options = config.export.model_validate(config.export.model_dump(exclude_defaults=True) | export)
        return Place(server, config.model_copy(update={"export": options}))

    yield start
    for server in servers:
        server.__exit__()


def begin(config: ClientConfig) -> None:
    """Do what a run's first task does before its own work."""
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(conf={}, logical_date=now, run_after=now)
    context: Any = {"params": default_params(config), "dag_run": dag_run, "run_id": "manual"}
    StartRunOperator(task_id="start", client_config=config).pre_execute(context)


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


def test_a_probe_is_a_few_requests_below_the_clients_prefix(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3())
    check_bucket(place.config)
    assert sum(place.server.seen.values()) <= 15, place.server.seen
    assert place.server.seen["delete objects"] == place.server.seen["delete file"] == 1
    keys = {
        environ["PATH_INFO"] for name, environ in place.server.requests if not name.startswith(("list", "delete o"))
    }
    assert len([key for key in keys if "/enercity/local/_probe_" in key]) == 1


def test_versions_that_may_not_be_deleted_stay_and_are_reported(make: Callable[..., Place]) -> None:
    def keeps_versions(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
        kept = name == "delete objects" or (name == "delete file" and "versionId" in environ["QUERY_STRING"])
        return (403, "AccessDenied") if kept else None

    place = make(PeculiarS3(keeps_versions))
    state, detail = place.findings()["deletes"]
    assert state == "ok"
    assert "tiny versions stay, because s3:DeleteObjectVersion is not granted" in detail


def test_nothing_is_left_where_versioning_is_suspended(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3())
    client = place.server.client()
    client.put_bucket_versioning(Bucket=place.config.s3_bucket, VersioningConfiguration={"Status": "Suspended"})
    assert {state for state, _ in place.findings().values()} == {"ok"}
    assert place.left() == []


def test_probes_side_by_side_do_not_disturb_each_other(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3())
    found: Counter[str] = Counter()
    together = Barrier(4)

    def probe() -> None:
        together.wait()
        found.update(state for state, _ in place.findings().values())

    threads = [Thread(target=probe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {"ok"}
    assert place.left() == []


def test_an_outage_in_the_middle_of_a_probe_is_left_to_the_retries(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3(refuses("create upload", 503, "SlowDown")))
    with pytest.raises(AirflowException, match="cannot be reached") as failure:
        begin(place.config)
    assert not isinstance(failure.value, AirflowFailException)
    assert "SlowDown" in str(failure.value)
    assert place.findings()["bucket"][0] == "FAILED"
    assert place.left() == []


def test_different_clocks_on_a_store_without_date(make: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(PeculiarS3(no_date=True))
    late = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("billing_aggregator.s3.answers.now", lambda: late)
    state, detail = place.findings()["answers"]
    assert state == "FAILED"
    assert "have no Date, and its clock and that of this machine are" in detail
    assert "s apart, so nobody can tell how old a lock is; set both clocks by NTP" in detail


def test_the_connection_of_another_region_is_named(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3(refuses("list objects", 400, "AuthorizationHeaderMalformed")))
    state, detail = place.findings()["bucket"]
    assert state == "FAILED"
    assert "the bucket is in another region (AuthorizationHeaderMalformed); set s3_region or BDA_S3_REGION" in detail


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"config_kwargs": {"adressing_style": "path"}}, "adressing_style"),
        ({"config_kwargs": "path"}, "extra config_kwargs must be a mapping"),
        ({"role_arn": "arn:x", "assume_role_method": "by_magic"}, "by_magic"),
    ],
)
def test_a_connection_that_no_client_can_use_is_named(
    make: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], words: str
) -> None:
    place = make(PeculiarS3())
    connection = {"conn_type": "aws", "login": "key", "password": "Geheim-4711-xyz", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    state, detail = place.findings()["bucket"]
    assert state == "FAILED"
    assert "no S3 client can be made from the connection aws_default: " in detail
    assert words in detail
    assert "Geheim" not in detail


def test_health_reports_everything_as_json(make: Callable[..., Place], capsys: pytest.CaptureFixture[str]) -> None:
    from billing_aggregator.cli import main

    make(PeculiarS3(ignores("If-None-Match")))
    assert main(["health", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert ("conditional writes", "FAILED") in {(each["subject"], each["state"]) for each in findings}
