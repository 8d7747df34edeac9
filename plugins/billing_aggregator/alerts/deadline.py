"""The triggerer's call when a run is not published in time (Airflow 3.3 and later)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.callbacks import run_lines
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.events import Event, Fact, count, event
from billing_aggregator.alerts.run_facts import RunFacts, published, published_at, run_facts
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import metrics
from billing_aggregator.runs.airflow_states import run_state, tasks_in

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

STOP_GRACE_SECONDS = 60
WAREHOUSE_SECONDS = 15
ACTIVE = ("queued", "running")
RUNNING = ("running", "queued", "scheduled", "up_for_retry")

log = structlog.get_logger(__name__)


async def deadline_missed(config: dict[str, Any], context: Any = None, **_: Any) -> str:
    """Tell that a run is late, unless it has ended, is published, or was alerted; return what was done.

    The triggerer imports this by its name, so it must be importable there (``plugins/``).

    :param config: the client's configuration as JSON: the triggerer has no DAG.
    :param context: ``{"dag_run": {...}, "deadline": {"deadline_time": ...}}``, as Airflow makes it.
    """
    from billing_aggregator.config import ClientConfig

    try:
        client = ClientConfig.model_validate(config)
        if client.deadline_minutes == client.run_timeout_minutes:
            # The scheduler is about to stop the run, which is told as its failure: one message, not two.
            await asyncio.sleep(STOP_GRACE_SECONDS)
        # Notifiers, S3 and Airflow's database are asked by blocking calls: not in the triggerer's event loop.
        return await asyncio.to_thread(_deadline_missed, client, context or {})
    except Exception as error:  # the callback has no reader but the triggerer's log
        log.error("alert failed", reason=first_line(error))
        return "failed"


def _deadline_missed(config: ClientConfig, context: dict[str, Any]) -> str:
    dag_run = context.get("dag_run") or {}
    run_id = str(dag_run.get("dag_run_id") or dag_run.get("run_id"))
    run = run_facts(config, dag_run, run_id)
    silent = _why_not(config, run, dag_run)
    if silent:
        log.info("deadline passed, nothing to tell", run_id=run_id, reason=silent)
        return silent
    running = ", ".join(tasks_in(run.dag_id, run.run_id, RUNNING)[:5]) or "no task"
    send(config, late_event(config, run, "is late", None, running=running))
    return "told"


def _why_not(config: ClientConfig, run: RunFacts, dag_run: dict[str, Any]) -> str:
    """Return why nobody is told; empty when somebody is."""
    # The state now: the context's is that of the moment when the scheduler saw the deadline pass.
    state = run_state(run.dag_id, run.run_id) or str(dag_run.get("state"))
    if state not in ACTIVE:
        return f"the run is {state}"
    if run.dry_run:
        return "a dry run publishes nothing"
    if published_at(config, run.run_id) is not None:
        return "the run is published"
    if published_before(config, run):
        return "the run was published before"
    metrics.emit(config, "deadline_missed", 1)
    if not channels(config):
        return "no channel is configured"
    told = open_alerts.reserve(
        config.dag_id, "deadline_missed", run.run_id, run.attempt, business_date=run.business_date
    )
    return "" if told else "the run was alerted"


def published_before(config: ClientConfig, run: RunFacts) -> bool:
    """Return whether the run, which was cleared, had been published; a newer run may have the manifest since.

    Without an answer of the warehouse it is no: rather told twice than never.
    """
    from billing_aggregator.postgres.connection import postgres_hook
    from billing_aggregator.runs.run_records import first_publication

    try:
        hook = postgres_hook(config, application_name="bda:deadline", statement_seconds=WAREHOUSE_SECONDS)
        with closing(hook.get_conn()) as connection:
            return first_publication(connection, run.dag_id, run.run_id) is not None
    except Exception as error:  # no connection, no such table, no such column: a message must go out all the same
        log.info("earlier publications unknown", reason=first_line(error))
        return False


def late_event(
    config: ClientConfig, run: RunFacts, what: str, before: open_alerts.OpenAlert | None, running: str = ""
) -> Event:
    """Return the event of a run that missed its deadline."""
    facts = [
        *run_lines(run),
        Fact("Deadline", f"{count(config.deadline_minutes or 0, 'minute')} after {run.due_from:%Y-%m-%d %H:%M} UTC"),
        *([Fact("Running now", running)] if running else []),
        Fact("Published", published(config, run.run_id)),
        *([Fact("Before", f"run {before.run_id} failed at {before.since}")] if before else []),
        Fact("Run page", "run in Airflow", run.url),
    ]
    return event("deadline_missed", config, f"billing run {what}", facts)
