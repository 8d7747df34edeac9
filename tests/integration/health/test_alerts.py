"""``health`` against real listeners: the mail server and Slack answer, and no message is sent."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT
from tests.integration.health.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.health.conftest import Health

PLAIN = {"from_email": "airflow@example.org", "disable_ssl": True, "disable_tls": True}


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
