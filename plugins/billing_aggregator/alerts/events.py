"""What a message tells, before it is put into words: one event and its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

Kind = Literal["task_failed", "run_failed", "deadline_missed", "recovered", "checks_warned"]
RUNBOOK = "docs/runbook.md"
# Anchors of docs/runbook.md.
ANCHORS: dict[Kind, str] = {
    "task_failed": "a-task-failed",
    "run_failed": "a-run-failed",
    "deadline_missed": "a-deadline-was-missed",
    "recovered": "recovered",
    "checks_warned": "checks-warned",
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


def event(kind: Kind, config: ClientConfig, what: str, facts: list[Fact]) -> Event:
    """Return an event with the client, its environment and the runbook's section added.

    :param what: what happened, behind the client's name in the title.
    """
    anchor = ANCHORS[kind]
    base = config.alerts.runbook_url
    runbook = Fact("Runbook", f"{RUNBOOK}#{anchor}", f"{base}#{anchor}" if base else "")
    who = [Fact("Client", config.client), Fact("Environment", config.environment)]
    return Event(kind, f"[{config.environment}] {config.client}: {what}", (*who, *facts, runbook))
