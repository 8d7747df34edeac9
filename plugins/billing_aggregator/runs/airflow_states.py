"""Asks Airflow how runs and tasks stand: from tasks, the dag processor and the triggerer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Collection

# A task in one of these does not run again unless somebody clears it.
ENDED = ("success", "failed", "skipped", "upstream_failed")

log = structlog.get_logger(__name__)


def run_state(dag_id: str, run_id: str) -> str:
    """Return the run's state, such as ``running``; empty where Airflow cannot be asked, or has no such run."""
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        return _name(RuntimeTaskInstance.get_dagrun_state(dag_id, run_id))
    except Exception as error:
        log.info("state of the run unknown", asked_run=run_id, reason=type(error).__name__)
        return ""


def task_states(dag_id: str, run_id: str) -> dict[str, str]:
    """Return the state of each task of the run, empty for one that has none yet.

    A mapped task stands there once for each index, as ``<task id>_<index>``. Raises what Airflow raises where it cannot
    be asked.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    found = RuntimeTaskInstance.get_task_states(dag_id, run_ids=[run_id]).get(run_id, {})
    return {task: _name(state) for task, state in sorted(found.items())}


def tasks_in(dag_id: str, run_id: str, states: Collection[str]) -> list[str]:
    """Return ``task (state)`` for each task in one of *states*; empty where Airflow cannot be asked."""
    try:
        found = task_states(dag_id, run_id)
    except Exception as error:
        log.debug("states of the tasks unknown", reason=type(error).__name__)
        return []
    return [f"{task} ({state})" for task, state in found.items() if state in states]


def has_ended(dag_id: str, run_id: str, task_id: str) -> bool:
    """Return whether a task of the run has ended and is not to run again; False where Airflow cannot be asked."""
    return any(task.partition(" ")[0] == task_id for task in tasks_in(dag_id, run_id, ENDED))


def _name(state: Any) -> str:
    """Return a state's name: Airflow gives enumerations here and text there."""
    return str(getattr(state, "value", state) or "")
