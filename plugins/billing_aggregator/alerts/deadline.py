"""The triggerer's callback when a run is not published in time (Airflow 3.3 and later)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.events import Event, Fact, count, event
from billing_aggregator.alerts.run_facts import NOT_YET, NOTHING, RunFacts, impact, published_at, run_facts
from billing_aggregator.config import ClientConfig
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import metrics
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.runs.airflow_states import run_state, tasks_in
from billing_aggregator.runs.run_records import first_publication

STOP_GRACE_SECONDS = 60
WAREHOUSE_SECONDS = 15
ACTIVE = ("queued", "running")
RUNNING = ("running", "queued", "scheduled", "up_for_retry")

log = structlog.get_logger(__name__)


async def deadline_missed(config: dict[str, Any], context: Any = None, **_: Any) -> str:
    """Alert that a run is late, unless it has ended, is published, or was alerted; return what was done.

    The triggerer imports this by its name, so the package must be importable there (``plugins/``).

    :param config: the client's configuration as JSON: the triggerer has no DAG.
    :param context: ``{"dag_run": {...}, "deadline": {"deadline_time": ...}}``, as Airflow makes it.
    """
    try:
        client = ClientConfig.model_validate(config)
        if client.deadline_minutes == client.run_timeout_minutes:
            # The scheduler is about to stop the run, and its failure has a message: one message, not two.
            await asyncio.sleep(STOP_GRACE_SECONDS)
        # Notifiers, S3 and Airflow's database block: they must not run in the triggerer's event loop.
        return await asyncio.to_thread(_deadline_missed, client, context or {})
    except Exception as error:  # the callback has no reader but the triggerer's log
        log.error("alert failed", reason=first_line(error))
        return "failed"


def _deadline_missed(config: ClientConfig, context: dict[str, Any]) -> str:
    dag_run = context.get("dag_run") or {}
    run_id = str(dag_run.get("dag_run_id") or dag_run.get("run_id"))
    run = run_facts(config, dag_run, run_id)
    reason = _no_alert_because(config, run, dag_run)
    if reason:
        log.info("deadline passed, no alert", run_id=run_id, reason=reason)
        return reason
    running = ", ".join(tasks_in(run.dag_id, run.run_id, RUNNING)[:5]) or "no task"
    send(config, deadline_event(config, run, "is late", running=running))
    return "alerted"


def _no_alert_because(config: ClientConfig, run: RunFacts, dag_run: dict[str, Any]) -> str:
    """Return why no alert is sent; empty when one is."""
    # The current state: the context has the one from when the scheduler saw the deadline pass.
    state = run_state(run.dag_id, run.run_id) or str(dag_run.get("state"))
    if state not in ACTIVE:
        return f"the run is {state}"
    if run.dry_run:
        return "a dry run publishes nothing"
    if published_at(config, run.run_id) is not None:
        return "the run is published"
    if was_published_before(config, run):
        return "the run was published before"
    metrics.emit(config, "deadline_missed", 1)
    if not channels(config):
        return "no channel is configured"
    told = open_alerts.reserve(
        config.dag_id, "deadline_missed", run.run_id, run.attempt, business_date=run.business_date
    )
    return "" if told else "the run was alerted"


def was_published_before(config: ClientConfig, run: RunFacts) -> bool:
    """Return whether the run was published before it was cleared; the manifest may name a newer run by now.

    False where the warehouse does not answer: a second alert is better than none.
    """
    try:
        hook = postgres_hook(config, application_name="bda:deadline", statement_seconds=WAREHOUSE_SECONDS)
        with closing(hook.get_conn()) as connection:
            return first_publication(connection, run.dag_id, run.run_id) is not None
    except Exception as error:  # no connection, no such table, no such column: the message is sent anyway
        log.info("earlier publications unknown", reason=first_line(error))
        return False


def deadline_event(
    config: ClientConfig, run: RunFacts, what: str, *, running: str = "", earlier: open_alerts.OpenAlert | None = None
) -> Event:
    """Return the event of a run that missed its deadline.

    :param running: the tasks that are running; empty for a run that has ended.
    :param earlier: the alert that this message replaces.
    """
    due = f"{count(config.deadline_minutes or 0, 'minute')} after {run.due_from:%Y-%m-%d %H:%M} UTC"
    facts = [
        Fact("Impact", impact(config, run.run_id, NOT_YET if running else NOTHING)),
        Fact("Deadline", due),
        *([Fact("Running now", running)] if running else []),
        *([Fact("Recovered from", earlier.problem)] if earlier else []),
    ]
    return event("deadline_missed", config, run, what, facts, action="" if running else "find out why it was slow")
