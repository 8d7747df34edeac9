"""Sends an event to mail and Slack by Airflow's own notifiers; a broken channel is logged, it never raises."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from email.mime.text import MIMEText
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import structlog

from billing_aggregator.alerts import texts
from billing_aggregator.config.airflow_connections import UnreadableConnectionError, find_connection
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.alerts.events import Event
    from billing_aggregator.config import ClientConfig

SLACK_TIMEOUT_SECONDS = 30

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Channel:
    """A way to reach people: *conn_id* is the Airflow connection, *notifier* makes a new notifier for an event."""

    name: Literal["email", "slack"]
    conn_id: str
    notifier: Callable[[Event], Any]


def channels(config: ClientConfig) -> list[Channel]:
    """Return the channels that are configured for the client and environment."""
    alerts = config.alerts
    found = []
    if alerts.email:
        found.append(Channel("email", alerts.smtp_conn_id, lambda event: _mail(config, event)))
    if alerts.slack:
        found.append(Channel("slack", alerts.slack_conn_id, lambda event: _slack(config, event)))
    return found


def send(config: ClientConfig, event: Event) -> Mapping[str, bool]:
    """Send *event* to every channel; return whether each one worked. Never raises.

    Each call makes a new notifier: Airflow's notifiers change their own fields while they send.
    """
    outcome: dict[str, bool] = {}
    for channel in channels(config):
        try:
            # Not by calling the notifier: that would log the failure a second time, with a traceback.
            channel.notifier(event).notify({})
            outcome[channel.name] = True
        except Exception as error:  # whatever a mail server, Slack or a missing provider throws
            outcome[channel.name] = False
            metrics.emit(config, "alert_failed", 1, channel=channel.name)
            log.error("alert not sent", channel=channel.name, connection=channel.conn_id, kind=event.kind,
                      reason=_reason(channel, error))  # fmt: skip
    log.info("alert", kind=event.kind, title=event.title, sent=sorted(name for name, done in outcome.items() if done))
    return outcome


def _reason(channel: Channel, error: Exception) -> str:
    """Return one line; Airflow's hooks report an unreadable connection as a missing one."""
    try:
        find_connection(channel.conn_id)
    except UnreadableConnectionError as unreadable:
        return str(unreadable)
    return first_line(error)


def _mail(config: ClientConfig, event: Event) -> Any:
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    class PlainAndHtmlHook(SmtpHook):
        """Puts the plain text before the HTML; the stock hook sends HTML alone."""

        def _build_mime_message(self, *args: Any, **kwargs: Any) -> Any:
            message, recipients = super()._build_mime_message(*args, **kwargs)
            parts: Any = message.get_payload()
            parts.insert(0, MIMEText(texts.plain(event), "plain", "utf-8"))
            return message, recipients

    class MailNotifier(SmtpNotifier):
        """Sends the text as it is: the text of an error is no template."""

        template_fields: Any = ()

        @cached_property
        def hook(self) -> SmtpHook:
            return PlainAndHtmlHook(smtp_conn_id=self.smtp_conn_id)

    return MailNotifier(
        smtp_conn_id=config.alerts.smtp_conn_id,
        to=list(config.alerts.email),
        subject=event.title,
        html_content=texts.html(event),
        mime_subtype="alternative",
        # Keeps out-of-office replies away, and lets a mail filter sort by kind.
        custom_headers={"Auto-Submitted": "auto-generated", "X-Billing-Alert": event.kind},
    )


def _slack(config: ClientConfig, event: Event) -> Any:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    class SlackNotifier(SlackWebhookNotifier):
        """Sends the text as it is: the text of an error is no template.

        The webhook's address is its secret, and the stock notifier and Slack's client log it: the one at DEBUG, the
        other at INFO before it tries again.
        """

        template_fields: Any = ()

        @cached_property
        def hook(self) -> SlackWebhookHook:
            quiet = logging.getLogger(f"{__name__}.slack")
            quiet.setLevel(logging.WARNING)
            return SlackWebhookHook(
                slack_webhook_conn_id=self.slack_webhook_conn_id, timeout=self.timeout, logger=quiet
            )

        def notify(self, context: Any) -> None:
            """Send the message."""
            del context
            self.hook.send(text=self.text, blocks=self.blocks, unfurl_links=self.unfurl_links)

    return SlackNotifier(
        slack_webhook_conn_id=config.alerts.slack_conn_id,
        text=texts.slack_text(event),
        blocks=texts.slack_blocks(event),
        unfurl_links=False,
        timeout=SLACK_TIMEOUT_SECONDS,
    )
