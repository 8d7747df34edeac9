"""How the tasks of a run keep its lock: each start prolongs it, a run that has ended gives way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from billing_aggregator.runs import lock
from billing_aggregator.runs.airflow_states import run_state
from billing_aggregator.runs.run_records import record_phase

if TYPE_CHECKING:
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.identity import Run

log = structlog.get_logger(__name__)


def heartbeat(connection: Connection, run: Run, task_seconds: float, phase: str = "") -> bool:
    """Take the lock on the client for *run*, or prolong it; return whether the run did not have it. Commits.

    :param task_seconds: how long a task of the run may take; the lease is longer by a margin.
    :param phase: of the task; when its first one begins is recorded. Empty: the run is not recorded yet.
    :raises LockHeldError: another run has it, and has not ended.
    """
    lease = task_seconds + lock.LEASE_MARGIN_SECONDS
    held = lock.holder(connection, run)
    try:
        lock.acquire(connection, run, lease)
    except lock.LockHeldError:
        held = lock.holder(connection, run)
        if held is None or not _has_ended(held.run, run):
            raise
        log.warning("taking over the lock of a run that has ended", holder=str(held))
        lock.acquire(connection, run, lease, ended=held.run)
    if phase:
        record_phase(connection, run, phase)
    return held is None or held.run != run


def _has_ended(held: Run, run: Run) -> bool:
    """Return whether the holder is a run of this Airflow, and Airflow knows that it has ended."""
    if (held.deployment, held.dag_id) != (run.deployment, run.dag_id):
        return False
    return run_state(held.dag_id, held.run_id) in ("success", "failed")
