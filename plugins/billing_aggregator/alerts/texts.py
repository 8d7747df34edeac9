"""Lays an event out: plain text and HTML for mail, blocks for Slack."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event, Fact

COLOURS = {
    "task_failed": "#b3261e",
    "run_failed": "#b3261e",
    "deadline_missed": "#b25e00",
    "checks_warned": "#b25e00",
    "recovered": "#1b6e3c",
    "feed_failed": "#b3261e",
    "feed_warned": "#b25e00",
    "feed_recovered": "#1b6e3c",
}
SYMBOLS = {
    "task_failed": ":red_circle:",
    "run_failed": ":red_circle:",
    "deadline_missed": ":hourglass:",
    "checks_warned": ":warning:",
    "recovered": ":large_green_circle:",
    "feed_failed": ":red_circle:",
    "feed_warned": ":warning:",
    "feed_recovered": ":large_green_circle:",
}
# Slack's limits: characters in a header, in a text object, fields in a section.
SLACK_HEADER, SLACK_TEXT, SLACK_FIELDS = 150, 2000, 10


def plain(event: Event) -> str:
    """Return the text part of a mail: the title and one line for each fact."""
    width = max(len(fact.label) for fact in event.facts) + 2
    lines = [f"{fact.label + ':':<{width}}{_plain_value(fact)}" for fact in event.facts]
    return "\n".join([event.title, "", *lines, ""])


def html(event: Event) -> str:
    """Return the HTML part of a mail: the same facts as a table."""
    rows = "\n".join(
        f'<tr><th align="left" valign="top">{escape(fact.label)}</th><td>{_html_value(fact)}</td></tr>'
        for fact in event.facts
    )
    return (
        '<!DOCTYPE html>\n<html><body style="font-family:sans-serif">\n'
        f'<h2 style="color:{COLOURS[event.kind]};font-size:1.1em">{escape(event.title)}</h2>\n'
        f'<table cellpadding="4">\n{rows}\n</table>\n</body></html>\n'
    )


def slack_text(event: Event) -> str:
    """Return what Slack shows in notifications."""
    return _mrkdwn(event.title)


def slack_blocks(event: Event) -> list[dict[str, Any]]:
    """Return Slack blocks: a header, short facts side by side, long ones below, links last."""
    header = f"{SYMBOLS[event.kind]} {event.title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(header, SLACK_HEADER), "emoji": True}}
    ]
    short = [fact for fact in event.facts if not fact.url and len(fact.value) <= 40]  # noqa: PLR2004
    long = [fact for fact in event.facts if not fact.url and fact not in short]
    links = [fact for fact in event.facts if fact.url]
    for at in range(0, len(short), SLACK_FIELDS):
        fields = [_text(f"*{_mrkdwn(fact.label)}*\n{_mrkdwn(fact.value)}") for fact in short[at : at + SLACK_FIELDS]]
        blocks.append({"type": "section", "fields": fields})
    blocks += [{"type": "section", "text": _text(f"*{_mrkdwn(fact.label)}*\n{_mrkdwn(fact.value)}")} for fact in long]
    if links:
        text = " · ".join(f"<{fact.url}|{_mrkdwn(fact.label)}>" for fact in links)
        blocks.append({"type": "context", "elements": [_text(text)]})
    return blocks


def _plain_value(fact: Fact) -> str:
    return fact.url or fact.value


def _html_value(fact: Fact) -> str:
    if fact.url:
        return f'<a href="{escape(fact.url)}">{escape(fact.value)}</a>'
    return escape(fact.value).replace("\n", "<br>")


def _text(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": _cut(text, SLACK_TEXT)}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _mrkdwn(text: str) -> str:
    """Escape what Slack reads as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
