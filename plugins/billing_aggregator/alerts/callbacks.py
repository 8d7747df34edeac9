"""Airflow's callbacks: a task failed after its last try, or a run failed without any task reporting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.events import Fact, event
from billing_aggregator.alerts.run_facts import RunFacts, impact, run_facts
from billing_aggregator.errors.text import first_line, harmless
from billing_aggregator.observe import logs
from billing_aggregator.runs.airflow_names import ERROR_KEY
from billing_aggregator.runs.airflow_states import tasks_in

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

MAX_TASKS = 5
MAX_CHECKS = 20
CAUSES = {
    "timed_out": "the run took longer than run_timeout_minutes and was stopped",
    "task_failure": "a task failed and could not report why: its worker was lost or killed",
    "all_tasks_deadlocked": "no remaining task could start",
}

log = structlog.get_logger(__name__)


def on_task_failure(context: Any) -> None:
    """Alert that a task failed after its last try; the first failed task of a run speaks for the run.

    Runs on the worker, or in the dag processor when the worker has died. Never raises.
    """
    try:
        _task_failed(context)
    except Exception as error:  # an alert never changes a task's outcome
        log.error("alert failed", reason=first_line(error))


@dataclass(frozen=True)
class RunFailed:
    """Alert that a run failed where no task could report it: it timed out, or Airflow lost the task's callback.

    Runs in the dag processor. Never raises.
    """

    config: ClientConfig

    def __call__(self, context: Any) -> None:
        """Send the message unless a failed task of this run has sent one."""
        try:
            _run_failed(self.config, context)
        except Exception as error:  # see on_task_failure
            log.error("alert failed", reason=first_line(error))


def dag_callbacks(config: ClientConfig) -> dict[str, Any]:
    """Return the DAG's arguments that alert about its failed runs."""
    return {"on_failure_callback": RunFailed(config)}


def _task_failed(context: Any) -> None:
    ti = context["ti"]
    config: ClientConfig = context["task"].client_config
    if was_stopped(context):
        log.info("task stopped from outside, no alert: a failed run sends its own")
        return
    run = run_facts(config, context.get("dag_run"), str(ti.run_id))
    if not _open_alert(config, run, "task_failed", ti.task_id, ti.try_number):
        return
    phase, script = logs.phase_and_script(ti.task_id)
    where = f"{phase} / {script}" if script else phase
    facts = [
        Fact("Impact", impact(config, run.run_id)),
        Fact("Cause", error_line(context)),
        *violated_checks(context),
        Fact("Task", f"{ti.task_id}, try {tries(ti, context['task'])}"),
    ]
    send(config, event("task_failed", config, run, f"failed in {where}", facts, log_url=str(ti.log_url)))


def was_stopped(context: Any) -> bool:
    """Return whether the task was stopped from outside: its run timed out, or a person set its state.

    A task that exceeded its own time-out is stopped too, but that is a failure of its own.
    """
    from airflow.sdk.exceptions import AirflowTaskTimeout

    stopped = getattr(context["task"], "killed", False) and not getattr(context["task"], "timed_out", False)
    return stopped and not isinstance(context.get("exception"), AirflowTaskTimeout)


def _run_failed(config: ClientConfig, context: Any) -> None:
    ti = context.get("ti")
    run_id = str(context.get("run_id") or ti.run_id)
    run = run_facts(config, context.get("dag_run"), run_id)
    if not _open_alert(config, run, "run_failed"):
        return
    reason = str(context.get("reason") or "")
    facts = [
        Fact("Impact", impact(config, run.run_id)),
        Fact("Cause", CAUSES.get(reason, reason or "unknown: Airflow names no reason")),
        Fact("Task", failed_tasks(run, reason, ti)),
    ]
    send(config, event("run_failed", config, run, "failed", facts))


def failed_tasks(run: RunFacts, reason: str, ti: Any) -> str:
    """Return the failed tasks; for a run that timed out, the task that Airflow names: it started last."""
    if reason == "timed_out" and ti is not None:
        return str(ti.task_id)
    return ", ".join(tasks_in(run.dag_id, run.run_id, ("failed",))[:MAX_TASKS]) or "unknown"


def _open_alert(config: ClientConfig, run: RunFacts, kind: Any, task: str = "", try_number: int = 0) -> bool:
    """Open an alert; return whether to send it: there is a channel, and the event was not alerted already."""
    return bool(channels(config)) and open_alerts.reserve(
        config.dag_id,
        kind,
        run.run_id,
        run.attempt,
        business_date=run.business_date,
        task=task,
        try_number=try_number,
    )


def error_line(context: Any) -> str:
    """Return the first line of the task's error: from the context, else from the task's XCom (Airflow 3.2)."""
    error = context.get("exception")
    if error is not None:
        return first_line(error)
    try:
        stored = context["ti"].xcom_pull(task_ids=context["ti"].task_id, key=ERROR_KEY)
    except Exception:  # there is none when the worker has died
        stored = None
    return str(stored) if stored else "unknown: the worker was lost or killed"


def violated_checks(context: Any) -> list[Fact]:
    """Return a fact with a line for each violated check, where there is more than the one that is the cause."""
    violated = getattr(context.get("exception"), "violated", ())
    lines = [harmless(line) for line in violated[:MAX_CHECKS]]
    if len(violated) > MAX_CHECKS:
        lines.append(f"and {len(violated) - MAX_CHECKS} more")
    return [Fact("Checks", "\n".join(lines))] if len(violated) > 1 else []


def tries(ti: Any, task: Any) -> str:
    """Return ``2 of 3``; a terminal error ends before the last try."""
    most = max(int(task.retries or 0) + 1, int(ti.try_number))
    return f"{ti.try_number} of {most}"
