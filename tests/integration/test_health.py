"""``health`` against a real database, a real S3 server and real listeners; nothing is left behind, nothing is sent."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.cli import main
from billing_aggregator.local.s3 import ACCESS_KEY
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

SECRET = "Geheim-4711-xyz"


@pytest.fixture(scope="module")
def database(new_warehouse: Callable[[], str]) -> str:
    """A warehouse that no test changes."""
    return new_warehouse()


@pytest.fixture
def place(
    postgres: EmbeddedPostgres, database: str, s3_server: LocalS3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Let BDA_* point to the shared warehouse and a fresh bucket; return the database's name."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    variables = {
        "BDA_DB_HOST": postgres.host,
        "BDA_DB_PORT": str(postgres.port),
        "BDA_DB_NAME": database,
        "BDA_DB_PASSWORD": SECRET,
        "BDA_S3_URL": s3_server.url,
        "BDA_S3_BUCKET": bucket,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return database


@pytest.fixture
def own_place(place: str, new_warehouse: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with the test's own warehouse."""
    name = new_warehouse()
    monkeypatch.setenv("BDA_DB_NAME", name)
    return name


@pytest.fixture
def health(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, dict[str, tuple[str, str]]]]:
    """Return a function that runs ``health --json``: its status, and subject -> (state, detail)."""

    def run() -> tuple[int, dict[str, tuple[str, str]]]:
        status = main(["health", "--json"])
        output = capsys.readouterr().out
        assert SECRET not in output
        findings = json.loads(output)["findings"]
        return status, {finding["subject"]: (finding["state"], finding["detail"]) for finding in findings}

    return run


Health = tuple[int, dict[str, tuple[str, str]]]


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
            "belongs to postgres: alter schema report_oibl owner to billing_aggregator",
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
        "role billing_aggregator may not create it: grant create on database ... to billing_aggregator",
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


@contextmanager
def listener(greeting: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a free port, answer each line with the next of *greeting*; yield the port and the lines received."""
    received: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                for answer in greeting:
                    connection.sendall(answer)
                    line = lines.readline()
                    if not line:
                        return
                    received.append(line.strip())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
    thread.join(5)


@pytest.fixture
def with_alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let enercity/local have alerts by mail and Slack."""
    text = (ROOT / "include/clients.yaml").read_text(encoding="utf-8")
    with_alerts = "    local: {alerts: {email: [billing@example.org], slack: true}}"
    (tmp_path / "clients.yaml").write_text(text.replace("    local: {}", with_alerts), encoding="utf-8")
    (tmp_path / "sql").symlink_to(ROOT / "include/sql")
    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path)


def give(monkeypatch: pytest.MonkeyPatch, name: str, **values: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(values))


PLAIN = {"from_email": "airflow@example.org", "disable_ssl": True, "disable_tls": True}


@pytest.mark.usefixtures("with_alerts")
def test_mail_and_slack_answer_and_no_message_is_sent(
    place: str, health: Callable[[], Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp = [b"220 mail.example.org\r\n", b"250 mail.example.org\r\n", b"221 bye\r\n"]
    with listener(smtp) as (mail_port, mails), listener([b""]) as (slack_port, posts):
        give(monkeypatch, "SMTP_DEFAULT", conn_type="smtp", host="127.0.0.1", port=mail_port, extra=PLAIN)
        hook = f"http://127.0.0.1:{slack_port}/services/{SECRET}"
        give(monkeypatch, "SLACK_ALERTS", conn_type="slackwebhook", password=hook)
        status, found = health()
    assert status == 0
    assert found["mail"] == ("ok", f"127.0.0.1:{mail_port} answers EHLO as mail.example.org; no message was sent")
    assert found["Slack"] == ("ok", f"127.0.0.1:{slack_port} answers; no message was sent")
    assert [line.split()[0] for line in mails] == [b"ehlo", b"QUIT"]
    assert posts == []


@pytest.mark.usefixtures("with_alerts")
def test_missing_connections_of_the_alerts_are_named(place: str, health: Callable[[], Health]) -> None:
    status, found = health()
    assert status == 1
    assert found["mail"] == ("FAILED", "create the Airflow connection smtp_default (type smtp)")
    assert found["Slack"] == ("FAILED", "create the Airflow connection slack_alerts (type slackwebhook)")


@pytest.mark.usefixtures("with_alerts")
def test_silent_servers_and_incomplete_connections_of_the_alerts_are_named(
    place: str, health: Callable[[], Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, "SMTP_DEFAULT", conn_type="smtp", host="127.0.0.1", port=1, extra={})
    give(monkeypatch, "SLACK_ALERTS", conn_type="slackwebhook", password=f"https://127.0.0.1:1/{SECRET}")
    _, found = health()
    assert "127.0.0.1:1 does not answer" in found["mail"][1]
    assert "see the connection smtp_default" in found["mail"][1]
    assert "127.0.0.1:1 does not answer" in found["Slack"][1]


@pytest.mark.usefixtures("with_alerts")
@pytest.mark.parametrize(
    ("answer", "extra", "detail"),
    [
        (b"250 m\r\n", {"disable_ssl": True}, "extra from_email is missing; mails need a sender"),
        (b"421 busy\r\n", PLAIN, "answers EHLO with 421; see the connection smtp_default"),
    ],
)
def test_a_mail_server_that_would_refuse_our_mail_is_named(
    place: str,
    health: Callable[[], Health],
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    extra: dict[str, Any],
    detail: str,
) -> None:
    with listener([b"220 m\r\n", answer, b"221 bye\r\n"]) as (port, _):
        give(monkeypatch, "SMTP_DEFAULT", conn_type="smtp", host="127.0.0.1", port=port, extra=extra)
        give(monkeypatch, "SLACK_ALERTS", conn_type="slackwebhook", host="127.0.0.1")
        _, found = health()
    assert detail in found["mail"][1]
    assert "password is missing; it is the webhook's secret part" in found["Slack"][1]


@pytest.mark.usefixtures("with_alerts")
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("{", "{", "{", "{"), "its JSON cannot be parsed at line 1"),
        (("mysql://db", "postgres://db", "postgres://db", "aws://"), "is needed"),
        (tuple(f"{kind}://u:a/b@db" for kind in ("postgres", "aws", "smtp", "slackwebhook")), "port is not a number"),
    ],
)
def test_a_malformed_connection_is_not_reported_as_missing(
    place: str,
    health: Callable[[], Health],
    monkeypatch: pytest.MonkeyPatch,
    values: tuple[str, ...],
    reason: str,
) -> None:
    names = {
        "database": "octopus_enercity_local",
        "bucket": "aws_default",
        "mail": "smtp_default",
        "Slack": "slack_alerts",
    }
    for conn_id, value in zip(names.values(), values, strict=True):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", value)
    status, found = health()
    assert status == 1
    for subject, conn_id in names.items():
        assert found[subject][0] == "FAILED"
        assert found[subject][1].startswith(f"connection {conn_id} cannot be read: ")
        assert reason in found[subject][1]


@pytest.mark.usefixtures("with_alerts")
def test_alert_connections_with_an_impossible_address_are_named(
    place: str, health: Callable[[], Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, "SMTP_DEFAULT", conn_type="smtp", host="a" * 70 + ".example.org", port=1, extra=PLAIN)
    give(monkeypatch, "SLACK_ALERTS", conn_type="slackwebhook", password=f"https://[::1/{SECRET}")
    _, found = health()
    assert found["mail"][1].startswith("connection smtp_default cannot be read: ")
    assert found["Slack"][1].startswith("connection slack_alerts cannot be read: ")
    assert SECRET not in found["Slack"][1]
