"""``health`` against a real database and a real S3 server: every problem is named, and nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3
    from tests.integration.health.conftest import Health


def admin(postgres: EmbeddedPostgres, database: str, *statements: str) -> None:
    with psycopg.connect(postgres.dsn(database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_everything_is_healthy(place: str, health: Callable[[], Health], capsys: pytest.CaptureFixture[str]) -> None:
    status, found = health()
    assert status == 0
    states = {subject: state for subject, (state, _) in found.items()}
    assert states.pop("mail") == states.pop("Slack") == "not configured"
    assert set(states.values()) == {"ok"}
    assert "bookkeeper_vault" in states
    assert "role billing_aggregator, without TLS" in found["database"][1]
    assert main(["health"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Health of enercity / local\n  ok ")
    assert text.endswith("\nhealthy\n")


def test_nothing_is_left_in_the_bucket(
    place: str, health: Callable[[], Health], s3_server: LocalS3, bucket: str
) -> None:
    health()
    client = s3_server.client()
    versions = client.list_object_versions(Bucket=bucket)
    assert "Versions" not in versions
    assert "DeleteMarkers" not in versions
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize(
    ("statement", "subject", "detail"),
    [
        (
            "drop schema dunninglock_vault cascade",
            "dunninglock_vault",
            "the schema is not in this database; load the vault",
        ),
        ("drop table datalake_vault.login cascade", "datalake_vault", "tables missing: login; load the vault"),
        (
            "revoke usage on schema bookkeeper_vault from billing_aggregator",
            "bookkeeper_vault",
            "grant usage on schema bookkeeper_vault to billing_aggregator",
        ),
        (
            "revoke select on bookkeeper_vault.summaries from billing_aggregator",
            "bookkeeper_vault",
            "grant select on bookkeeper_vault.summaries to billing_aggregator",
        ),
        (
            "create schema report_oibl authorization postgres",
            "report_oibl",
            "which belongs to postgres: alter schema report_oibl owner to billing_aggregator",
        ),
    ],
)
def test_a_problem_in_the_database_is_named_with_the_way_out(
    own_place: str, health: Callable[[], Health], postgres: EmbeddedPostgres, statement: str, subject: str, detail: str
) -> None:
    admin(postgres, own_place, statement)
    status, found = health()
    assert status == 1
    assert found[subject][0] == "FAILED"
    assert detail in found[subject][1]
    assert [name for name, (state, _) in found.items() if state == "FAILED"] == [subject]


def test_a_role_that_may_not_create_the_report_schema_is_named(
    own_place: str, health: Callable[[], Health], postgres: EmbeddedPostgres
) -> None:
    admin(postgres, own_place, f"revoke create on database {own_place} from billing_aggregator")
    assert health()[1]["report_oibl"] == (
        "FAILED",
        "role billing_aggregator may not create the schema report_oibl: "
        f"grant create on database {own_place} to billing_aggregator",
    )


def test_our_own_report_schema_is_healthy(
    own_place: str, health: Callable[[], Health], postgres: EmbeddedPostgres
) -> None:
    admin(postgres, own_place, "create schema report_oibl authorization billing_aggregator")
    assert health()[1]["report_oibl"][1] == "schema exists, owner billing_aggregator, role billing_aggregator may write"


@pytest.mark.parametrize(
    ("variables", "subject", "words"),
    [
        ({"BDA_DB_PORT": "1"}, "database", ["127.0.0.1:1/", "cannot be reached", "Connection refused", "BDA_DB_HOST"]),
        ({"BDA_DB_NAME": "nowhere"}, "database", ["refused", 'database "nowhere" does not exist']),
        ({"BDA_DB_USER": "nobody"}, "database", ["refused", 'role "nobody" does not exist', "octopus_enercity_local"]),
        ({"BDA_S3_BUCKET": "not-there"}, "bucket", ["bucket not-there", "does not exist; create it", "BDA_S3_BUCKET"]),
        ({"BDA_S3_URL": "http://127.0.0.1:1"}, "bucket", ["cannot be reached", "see BDA_S3_URL"]),
    ],
)
def test_an_unreachable_server_is_named_with_the_way_out(
    place: str,
    health: Callable[[], Health],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    subject: str,
    words: list[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    status, found = health()
    assert status == 1
    assert found[subject][0] == "FAILED"
    assert all(word in found[subject][1] for word in words), found[subject][1]


def test_without_any_database_both_ways_are_named(
    place: str, health: Callable[[], Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BDA_DB_HOST")
    assert "create the Airflow connection octopus_enercity_local" in health()[1]["database"][1]


class Refusing:
    """An S3 client that may not do one operation."""

    def __init__(self, client: Any, operation: str) -> None:
        self._client = client
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        from botocore.exceptions import ClientError

        if name == self._operation:
            title = "".join(word.title() for word in name.split("_"))

            def refuse(**_: Any) -> None:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, title)

            return refuse
        return getattr(self._client, name)


@pytest.mark.parametrize(
    ("operation", "subject", "needed"),
    [
        ("list_objects_v2", "bucket", "access denied (AccessDenied)"),
        ("put_object", "objects", "PutObject failed; grant s3:PutObject"),
        ("get_object", "objects", "GetObject failed; grant s3:GetObject"),
        ("delete_object", "deletes", "DeleteObject failed; grant s3:DeleteObject"),
        ("create_multipart_upload", "multipart uploads", "CreateMultipartUpload failed; grant s3:PutObject"),
        ("list_multipart_uploads", "multipart uploads", "grant s3:ListBucketMultipartUploads"),
        ("abort_multipart_upload", "multipart uploads", "grant s3:AbortMultipartUpload"),
    ],
)
def test_a_missing_permission_of_the_bucket_is_named(
    place: str,
    health: Callable[[], Health],
    monkeypatch: pytest.MonkeyPatch,
    s3_server: LocalS3,
    operation: str,
    subject: str,
    needed: str,
) -> None:
    class Hook:
        def get_conn(self) -> Any:
            return Refusing(s3_server.client(), operation)

    monkeypatch.setattr("billing_aggregator.s3.client.client_hook", lambda _config, **_: Hook())
    status, found = health()
    assert status == 1
    assert found[subject][0] == "FAILED"
    assert needed in found[subject][1]
