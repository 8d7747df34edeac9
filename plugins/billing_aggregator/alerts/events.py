"""What a message says, before it is laid out for a channel: one event and its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from billing_aggregator.alerts.run_facts import RunFacts
    from billing_aggregator.config import ClientConfig

Kind = Literal[
    "task_failed",
    "run_failed",
    "deadline_missed",
    "recovered",
    "checks_warned",
    "feed_failed",
    "feed_warned",
    "feed_recovered",
]
RUNBOOK = "docs/runbook.md"
# Anchors of docs/runbook.md.
ANCHORS: dict[Kind, str] = {
    "task_failed": "a-task-failed",
    "run_failed": "a-run-failed",
    "deadline_missed": "a-deadline-was-missed",
    "recovered": "recovered",
    "checks_warned": "checks-warned",
    "feed_failed": "a-feed-cannot-work",
    "feed_warned": "a-feed-needs-somebody-to-look",
    "feed_recovered": "a-feed-works-again",
}
# The short form of each section's last paragraph.
ACTIONS: dict[Kind, str] = {
    "task_failed": "fix the cause, then clear the failed task with Downstream",
    "run_failed": "find out why the run stopped, then clear it or trigger a new one",
    "deadline_missed": "look for a slow or blocked task, else wait: the end of the run sends a message",
    "recovered": "nothing; rerun the business dates in between if readers need them",
    "checks_warned": "report the rows to the owner of the source",
    "feed_failed": "fix the cause: the feed tries again by itself and loses nothing",
    "feed_warned": "look at what was found: the feed goes on meanwhile",
    "feed_recovered": "nothing",
}


@dataclass(frozen=True)
class Fact:
    """One line of a message: *label* and *value*; with *url* the value is a link."""

    label: str
    value: str
    url: str = ""


@dataclass(frozen=True)
class Event:
    """One event, the same in every channel.

    :param title: one line; the mail's subject.
    :param facts: what the reader needs, in order.
    """

    kind: Kind
    title: str
    facts: tuple[Fact, ...]


def count(number: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def event(
    kind: Kind,
    config: ClientConfig,
    run: RunFacts,
    what: str,
    facts: list[Fact],
    *,
    log_url: str = "",
    action: str = "",
) -> Event:
    """Return an event: whose run it is, the impact and the cause (*facts*), what to do, the links.

    :param what: what happened, in the title behind the client and the business date.
    :param log_url: the log of the task that sends the message.
    :param action: what to do, where it differs from the kind's usual action.
    """
    anchor = ANCHORS[kind]
    base = config.alerts.runbook_url
    return Event(
        kind,
        f"[{config.environment}] {config.client}: billing run for {run.business_date} {what}",
        (
            Fact("Client", config.client),
            Fact("Environment", config.environment),
            Fact("Business date", run.business_date),
            Fact("Run", run.run_id),
            *facts,
            Fact("To do", action or ACTIONS[kind]),
            Fact("Runbook", f"{RUNBOOK}#{anchor}", f"{base}#{anchor}" if base else ""),
            *([Fact("Log", "task log", log_url)] if log_url else []),
            Fact("Run page", "run in Airflow", run.url),
        ),
    )
