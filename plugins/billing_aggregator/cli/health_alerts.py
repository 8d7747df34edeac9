"""Health of the alerts' connections: the mail server and Slack's host answer; nothing is sent."""

from __future__ import annotations

import smtplib
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from billing_aggregator.cli.results import Finding, failed, not_configured, ok
from billing_aggregator.config.airflow_connections import (
    MAIL_TYPES,
    SLACK_TYPES,
    UnreadableConnectionError,
    find_connection,
    malformed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig

TIMEOUT_SECONDS = 10
SLACK_HOST = "https://hooks.slack.com"
PORTS = {"https": 443, "http": 80}
TRUE = ("true", "1", "yes")


def alert_findings(config: ClientConfig) -> Iterator[Finding]:
    """Yield the findings for mail and Slack."""
    alerts = config.alerts
    if not alerts.email:
        yield not_configured("mail", "alerts.email is empty in clients.yaml")
    else:
        yield _looked_up("mail", alerts.smtp_conn_id, MAIL_TYPES, _mail)
    if not alerts.slack:
        yield not_configured("Slack", "alerts.slack is false in clients.yaml")
    else:
        yield _looked_up("Slack", alerts.slack_conn_id, SLACK_TYPES, _slack)


def _looked_up(
    name: str, conn_id: str, types: tuple[str, ...], examine: Callable[[str, Connection], Finding]
) -> Finding:
    try:
        connection = find_connection(conn_id, *types)
    except UnreadableConnectionError as error:
        return failed(name, str(error))
    if connection is None:
        return failed(name, f"create the Airflow connection {conn_id} (type {types[0]})")
    try:
        return examine(conn_id, connection)
    except (ValueError, OverflowError):  # no host name, no port, no address: the text may hold the webhook's secret
        return failed(name, str(malformed(conn_id, "its host, port or address cannot be used")))


def _mail(conn_id: str, connection: Connection) -> Finding:
    extra = connection.extra_dejson
    host = connection.host or "localhost"
    implicit_tls = not _is_true(extra.get("disable_ssl", False))
    port = connection.port or (465 if implicit_tls else 587)
    factory = smtplib.SMTP_SSL if implicit_tls else smtplib.SMTP
    try:
        with factory(host, port, timeout=TIMEOUT_SECONDS) as server:
            code, answer = server.ehlo()
    except (OSError, smtplib.SMTPException) as error:
        return failed("mail", f"{host}:{port} does not answer: {_reason(error)}; see the connection {conn_id}")
    if code != 250:  # noqa: PLR2004 - SMTP: requested action completed
        return failed("mail", f"{host}:{port} answers EHLO with {code}; see the connection {conn_id}")
    if not extra.get("from_email"):
        return failed("mail", f"connection {conn_id}: extra from_email is missing; mails need a sender")
    name = answer.decode(errors="replace").split()[:1]
    return ok("mail", f"{host}:{port} answers EHLO{' as ' + name[0] if name else ''}; no message was sent")


def _slack(conn_id: str, connection: Connection) -> Finding:
    # The webhook's address contains its secret: only its host is shown.
    stored = connection.password or ""
    base = stored if "://" in stored else (connection.host or SLACK_HOST)
    address = urlsplit(base if "://" in base else f"https://{base}")
    host = address.hostname or ""
    port = address.port or connection.port or PORTS.get(address.scheme, 443)
    if not stored:
        return failed("Slack", f"connection {conn_id}: password is missing; it is the webhook's secret part")
    try:
        with closing(socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)):
            return ok("Slack", f"{host}:{port} answers; no message was sent")
    except OSError as error:
        return failed("Slack", f"{host}:{port} does not answer: {_reason(error)}; see the connection {conn_id}")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() in TRUE
