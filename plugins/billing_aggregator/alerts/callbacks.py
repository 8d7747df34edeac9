"""Airflow's callbacks: a task that failed for good, and a run that failed without any task saying so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.events import Fact, event
from billing_aggregator.alerts.run_facts import RunFacts, published, run_facts
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import logs
from billing_aggregator.runs.airflow_names import ERROR_KEY
from billing_aggregator.runs.airflow_states import tasks_in

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

MAX_TASKS = 5
REASONS = {
    "timed_out": "the run took longer than run_timeout_minutes and was stopped",
    "task_failure": "a task failed without a message of its own",
    "all_tasks_deadlocked": "no task could run any more",
}

log = structlog.get_logger(__name__)


def on_task_failure(context: Any) -> None:
    """Tell that a task failed after its last try; the first failed task of a run speaks for the run.

    Runs on the worker, or in the dag processor when the worker has died. Never raises.
    """
    try:
        _task_failed(context)
    except Exception as error:  # a message must never change what happens to the task
        log.error("alert failed", reason=first_line(error))


@dataclass(frozen=True)
class RunFailed:
    """Tell that a run failed where no task could: it timed out, or Airflow lost the task's callback.

    Runs in the dag processor. Never raises.
    """

    config: ClientConfig

    def __call__(self, context: Any) -> None:
        """Send the message unless a failed task of this run has."""
        try:
            _run_failed(self.config, context)
        except Exception as error:  # see on_task_failure
            log.error("alert failed", reason=first_line(error))


def dag_callbacks(config: ClientConfig) -> dict[str, Any]:
    """Return the arguments of the DAG that make its run's failure known."""
    return {"on_failure_callback": RunFailed(config)}


def _task_failed(context: Any) -> None:
    ti = context["ti"]
    config: ClientConfig = context["task"].client_config
    if was_stopped(context):
        log.info("the task was stopped; if its run fails, the run's message tells")
        return
    run = run_facts(config, context.get("dag_run"), str(ti.run_id))
    if not _to_tell(config, run, "task_failed", ti.task_id, ti.try_number):
        return
    phase, script = logs.phase_and_script(ti.task_id)
    where = f"{phase} / {script}" if script else phase
    facts = [
        *run_lines(run),
        Fact("Phase", phase),
        Fact("Script", script or "-"),
        Fact("Error", error_line(context)),
        Fact("Published", published(config, run.run_id)),
        Fact("Try", tries(ti, context["task"])),
        Fact("Log", "task log", str(ti.log_url)),
        Fact("Run page", "run in Airflow", run.url),
    ]
    send(config, event("task_failed", config, f"billing run failed in {where}", facts))


def was_stopped(context: Any) -> bool:
    """Return whether the task was told to stop from outside: its run timed out, or a person set its state.

    A task that ran into its own time-out is stopped too, and that is its failure.
    """
    from airflow.sdk.exceptions import AirflowTaskTimeout

    stopped = getattr(context["task"], "killed", False) and not getattr(context["task"], "timed_out", False)
    return stopped and not isinstance(context.get("exception"), AirflowTaskTimeout)


def _run_failed(config: ClientConfig, context: Any) -> None:
    ti = context.get("ti")
    run_id = str(context.get("run_id") or ti.run_id)
    run = run_facts(config, context.get("dag_run"), run_id)
    if not _to_tell(config, run, "run_failed"):
        return
    reason = str(context.get("reason") or "")
    facts = [
        *run_lines(run),
        Fact("Task", failed_tasks(run, reason, ti)),
        Fact("Reason", REASONS.get(reason, reason or "Airflow gives none")),
        Fact("Published", published(config, run.run_id)),
        Fact("Run page", "run in Airflow", run.url),
    ]
    send(config, event("run_failed", config, "billing run failed", facts))


def failed_tasks(run: RunFacts, reason: str, ti: Any) -> str:
    """Return the tasks that failed; of a run that was stopped, the one that Airflow names: it started last."""
    if reason == "timed_out" and ti is not None:
        return str(ti.task_id)
    return ", ".join(tasks_in(run.dag_id, run.run_id, ("failed",))[:MAX_TASKS]) or "unknown"


def _to_tell(config: ClientConfig, run: RunFacts, kind: Any, task: str = "", try_number: int = 0) -> bool:
    """Return whether somebody is to be told, and nobody was told before."""
    return bool(channels(config)) and open_alerts.reserve(
        config.dag_id,
        kind,
        run.run_id,
        run.attempt,
        business_date=run.business_date,
        task=task,
        try_number=try_number,
    )


def run_lines(run: RunFacts) -> list[Fact]:
    """Return the lines that every message has about its run."""
    return [Fact("Business date", run.business_date), Fact("Run", run.run_id)]


def error_line(context: Any) -> str:
    """Return the first line of the task's error: from the context, else as the task kept it (Airflow 3.2)."""
    error = context.get("exception")
    if error is not None:
        return first_line(error)
    try:
        kept = context["ti"].xcom_pull(task_ids=context["ti"].task_id, key=ERROR_KEY)
    except Exception:  # there is none when the worker has died
        kept = None
    return str(kept) if kept else "none was recorded: the worker was lost or killed"


def tries(ti: Any, task: Any) -> str:
    """Return ``2 of 3``; a terminal error ends before the last try."""
    most = max(int(task.retries or 0) + 1, int(ti.try_number))
    return f"{ti.try_number} of {most}"
