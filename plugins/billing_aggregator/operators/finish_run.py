"""The last task of a run: sums up, releases the lock, sends the remaining alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import TriggerRule

from billing_aggregator import alerts
from billing_aggregator.operators.client_exports import ClientPlanOperator
from billing_aggregator.operators.planned_exports import pull, pull_dry_runs
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.task_errors import is_last_try
from billing_aggregator.runs import lock, run_records
from billing_aggregator.runs.airflow_names import CHECKS_KEY, ERROR_KEY, FINISH_TASK, NOTHING_KEY, PUBLISH_TASK
from billing_aggregator.runs.airflow_states import task_states
from billing_aggregator.runs.run_metrics import emit_run
from billing_aggregator.runs.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import DAG
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.operators.start_run import StartRunOperator
    from billing_aggregator.runs import RunSummary

log = structlog.get_logger(__name__)


def finish(dag: DAG, start: StartRunOperator) -> FinishRunOperator:
    """Add the last task to *dag*: the teardown of *start*, behind every other task.

    A teardown runs whatever has failed, does not count for the run's state, and is cleared together with its setup
    whenever a task is cleared: a rerun from the middle locks the client again and releases it at its end. It is
    downstream of every task, not only of the last ones: those may be skipped while others still run.
    """
    plans = [other.task_id for other in dag.tasks if isinstance(other, ClientPlanOperator)]
    task = FinishRunOperator(task_id=FINISH_TASK, client_config=start.client_config, plan_tasks=plans)
    stand_last(dag, start, task)
    return task


def stand_last(dag: DAG, start: RunAwareOperator, task: RunAwareOperator) -> None:
    """Make *task* the teardown of *start*, behind every other task of *dag*."""
    work = [other for other in dag.tasks if other is not task and other is not start]
    # Once, not from each of them: Airflow then looks once whether all are of one DAG.
    task.set_upstream(work)
    task.as_teardown(setups=start)
    for other in work:
        if start.task_id in other.upstream_task_ids:
            # Airflow's rule for what follows a setup; start is never skipped, so nothing is lost.
            other.trigger_rule = TriggerRule.ALL_SUCCESS


class FinishRunOperator(RunAwareOperator):
    """End a run: its row in ``report_oibl.aggregator_runs``, its lock, its metrics and alerts.

    Returns the run's summary, see :meth:`billing_aggregator.runs.summary.RunSummary.to_json`.

    :param plan_tasks: ids of the tasks that plan exports: they know what a dry run has counted.
    """

    heartbeats = False

    def __init__(self, *, plan_tasks: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_tasks = list(plan_tasks)

    def work(self, context: Context) -> dict[str, Any]:
        """Return the summary. Alerts are sent once, even when the warehouse cannot be reached."""
        summary = self.summary(context)
        try:
            summary = self._record(context, summary)
        except Exception as error:
            if is_last_try(error, context, self.retries):
                self._tell(context, summary)
            raise
        self._tell(context, summary)
        figures = summary.to_json()
        log.info("run ends", **{name: figures[name] for name in ("state", "seconds", "rows", "files", "bytes")})
        return figures

    def _record(self, context: Context, summary: RunSummary) -> RunSummary:
        """Write the run's end, release its lock, and return the summary with the time of its first publication."""
        run = summary.run
        with self.warehouse(context) as connection:
            run_records.record_end(connection, summary)
            first = run_records.first_publication(connection, run.dag_id, run.run_id)
            if not lock.release(connection, run):
                log.warning("the lock was not ours any more")
        return replace(summary, first_published_at=first)

    def _tell(self, context: Context, summary: RunSummary) -> None:
        emit_run(self.client_config, summary)
        alerts.alert_run_end(self.client_config, context, summary)

    def summary(self, context: Context) -> RunSummary:
        """Return the run's summary from what its tasks returned and how they ended."""
        run, params = self.this_run(context), self.run_params(context)
        states = task_states(run.dag_id, run.run_id)
        states.pop(self.task_id, None)
        others = sorted(set(context["dag"].task_ids) - {self.task_id})
        checks = sorted(task.task_id for task in context["dag"].tasks if isinstance(task, SqlChecksOperator))
        failed = {_task_id(task, others) for task, state in states.items() if state == "failed"}
        return summarise(
            run,
            business_date=params.business_date.isoformat(),
            results=self._pull(context, others, "return_value"),
            states=states,
            errors=self._pull(context, sorted(failed), ERROR_KEY),
            checks=pull(context, checks, CHECKS_KEY),
            dry_runs=pull_dry_runs(context, self.plan_tasks) if params.dry_run else None,
            nothing_to_publish=bool(context["ti"].xcom_pull(task_ids=PUBLISH_TASK, key=NOTHING_KEY)),
            started=context["dag_run"].start_date or context["dag_run"].run_after,
            ended=datetime.now(UTC),
        )

    @staticmethod
    def _pull(context: Context, tasks: list[str], key: str) -> dict[str, Any]:
        """Return the XCom *key* of each of *tasks*; a mapped task has the first of its values."""
        found: dict[str, Any] = {}
        for task in tasks:
            value = context["ti"].xcom_pull(task_ids=task, key=key)
            if value is not None and not isinstance(value, (str, dict)):
                value = next(iter(value), None) if hasattr(value, "__iter__") else None
            if value is not None:
                found[task] = value
        return found


def _task_id(name: str, known: list[str]) -> str:
    """Return the id of a task that Airflow names with its map index: ``export.list_3`` is ``export.list``."""
    return name if name in known else name.rpartition("_")[0]
