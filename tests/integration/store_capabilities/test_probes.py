"""A probe of a store is small and leaves nothing; outages, clocks and unusable connections are named."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.errors.kinds import classify
from billing_aggregator.runs.preflight import UnreachableError, check_bucket
from tests.faults.faulty_s3 import Fault
from tests.faults.peculiar_s3 import PeculiarS3, ignores, refuses
from tests.integration.store_capabilities.place import Place, begin

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_probe_is_a_few_requests_below_the_clients_prefix(make: Callable[..., Place]) -> None:
    place = make(PeculiarS3())
    check_bucket(place.config)
    assert sum(place.server.seen.values()) <= 15, place.server.seen
    assert place.server.seen["delete objects"] == place.server.seen["delete file"] == 1
    keys = {
        environ["PATH_INFO"] for name, environ in place.server.requests if not name.startswith(("list", "delete o"))
    }
    assert len([key for key in keys if "/enercity/local/_probe_" in key]) == 1


@pytest.mark.parametrize("again", [False, True], ids=["lost for good", "lost once"])
def test_an_upload_whose_reply_was_lost_is_not_left(make: Callable[..., Place], again: bool) -> None:
    """The store opens it, and the client, which tries again or gives up, is not told its id."""
    place = make(PeculiarS3())
    with place.server.failing(Fault("create upload", "lost reply", times=1 if again else 20)):
        if again:
            check_bucket(place.config)
        else:
            with pytest.raises(UnreachableError):
                check_bucket(place.config)
    assert place.server.seen["create upload"] > 1
    assert place.left() == []


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
    with pytest.raises(UnreachableError, match="cannot be reached") as failure:
        begin(place.config)
    assert classify(failure.value) == "transient"
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
