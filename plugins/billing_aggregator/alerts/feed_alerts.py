"""The alerts of feeds: a feed cannot work, works again, or leaves something for a person to look at.

A feed runs all day, so an alert stays open over its runs: one message when it begins to fail, one when it works again,
and for warnings one more only when there are twice as many.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.callbacks import CAUSES, error_line, was_stopped
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.events import ACTIONS, ANCHORS, RUNBOOK, Event, Fact
from billing_aggregator.alerts.run_facts import base_url
from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.alerts.events import Kind
    from billing_aggregator.config import ClientConfig

#: All runs of a feed count as one attempt: see :mod:`billing_aggregator.alerts.open_alerts`.
ATTEMPT = "feed"
#: The Airflow Variable ``billing_alert__<dag id>__warned``: what was told last, as JSON.
WARNED = "__warned"
MORE = 2

log = structlog.get_logger(__name__)


def on_feed_task_failure(context: Any) -> None:
    """Alert that a feed's task failed after its last try. Never raises."""
    try:
        if was_stopped(context):
            return
        task = context["task"]
        ti = context["ti"]
        facts = [Fact("Cause", error_line(context)), Fact("Task", str(ti.task_id))]
        _failed(task.client_config, task.feed, str(ti.run_id), facts, str(ti.log_url))
    except Exception as error:  # an alert never changes a task's outcome
        log.error("alert failed", reason=first_line(error))


@dataclass(frozen=True)
class FeedFailed:
    """Alert that a feed's run failed where no task could report it. Runs in the dag processor. Never raises."""

    config: ClientConfig
    feed: str

    def __call__(self, context: Any) -> None:
        """Send the message unless the feed's failure is told already."""
        try:
            reason = str(context.get("reason") or "")
            run_id = str(context.get("run_id") or context["ti"].run_id)
            cause = CAUSES.get(reason, reason or "unknown: Airflow names no reason")
            _failed(self.config, self.feed, run_id, [Fact("Cause", cause)])
        except Exception as error:  # see on_feed_task_failure
            log.error("alert failed", reason=first_line(error))


def alert_feed_end(config: ClientConfig, feed: str, context: Any, warnings: Mapping[str, int], *, failed: bool) -> None:
    """Send what is due at the end of a feed's run; never raises.

    :param warnings: what a person should look at -> how many of it; empty names nothing.
    :param failed: a task of the run has failed and has reported it.
    """
    try:
        run_id = str(context["ti"].run_id)
        dag_id = config.feed_dag_id(feed)
        if not failed:
            resolved = open_alerts.resolve(dag_id)
            if resolved is not None and channels(config):
                facts = [Fact("Recovered from", resolved.problem)]
                send(config, feed_event("feed_recovered", config, feed, run_id=run_id, what="works again", facts=facts))
        if channels(config) and _is_news(dag_id, warnings):
            lines = "\n".join(f"{name}: {count}" for name, count in sorted(warnings.items()))
            what, facts = "needs somebody to look", [Fact("Found", lines)]
            send(config, feed_event("feed_warned", config, feed, run_id=run_id, what=what, facts=facts))
    except Exception as error:  # see on_feed_task_failure
        log.error("alert failed", reason=first_line(error))


def feed_event(
    kind: Kind, config: ClientConfig, feed: str, *, run_id: str, what: str, facts: list[Fact], log_url: str = ""
) -> Event:
    """Return an event of a feed, with what to do and the links."""
    anchor, base = ANCHORS[kind], config.alerts.runbook_url
    dag_id = config.feed_dag_id(feed)
    return Event(
        kind,
        f"[{config.environment}] {config.client}: feed {feed} {what}",
        (
            Fact("Client", config.client),
            Fact("Environment", config.environment),
            Fact("Feed", feed),
            Fact("Run", run_id),
            *facts,
            Fact("To do", ACTIONS[kind]),
            Fact("Runbook", f"{RUNBOOK}#{anchor}", f"{base}#{anchor}" if base else ""),
            *([Fact("Log", "task log", log_url)] if log_url else []),
            Fact("Runs", "runs in Airflow", f"{base_url()}/dags/{dag_id}/runs"),
        ),
    )


def _failed(config: ClientConfig, feed: str, run_id: str, facts: list[Fact], log_url: str = "") -> None:
    if channels(config) and open_alerts.reserve(config.feed_dag_id(feed), "feed_failed", run_id, ATTEMPT):
        what = "cannot work"
        send(config, feed_event("feed_failed", config, feed, run_id=run_id, what=what, facts=facts, log_url=log_url))


def _is_news(dag_id: str, warnings: Mapping[str, int]) -> bool:
    """Return whether there is more to tell than was told last, and remember what is there now."""
    from airflow.sdk import Variable

    name = f"{open_alerts.VARIABLE}{dag_id}{WARNED}"
    try:
        told = json.loads(Variable.get(name, default=None) or "{}")
        news = any(count >= MORE * told.get(what, 0) for what, count in warnings.items())
        kept = dict(warnings) if news else {what: count for what, count in told.items() if what in warnings}
        if kept != told:
            Variable.set(name, json.dumps(kept, sort_keys=True), description="what the feed's last alert has told")
    except Exception as error:  # each way to Airflow's database fails in its own way
        log.warning("open alerts cannot be read, an alert may be sent twice", reason=type(error).__name__)
        return bool(warnings)
    return news
