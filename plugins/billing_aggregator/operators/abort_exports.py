"""Ends a run's exports: aborts what it left open, drops what it froze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.export.plan.staging import drop_staging
from billing_aggregator.export.store.abandoned_uploads import abort_run
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.operators.planned_exports import place_of, pull_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.export.plan.export_plan import ExportPlan


class AbortExportsOperator(ExportBaseOperator):
    """Abort the open uploads of a run and drop its frozen tables; completed uploads are not touched.

    Meant as the teardown of a run's exports: after a publication there is nothing left to abort, after a failure the
    store is as it was before the run. Returns the number of aborted uploads.

    :param plan_tasks: ids of the tasks that plan the exports; one that failed, or made a dry run, left nothing open.
    """

    def __init__(self, *, plan_tasks: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_tasks = list(plan_tasks)
        self.plans: list[ExportPlan] = []

    def work(self, context: Context) -> int:
        """Return how many uploads were open."""
        self.plans = pull_plans(context, self.plan_tasks)
        return self.abort(self.plans) if self.plans else 0

    def abort(self, plans: Sequence[ExportPlan]) -> int:
        """End what *plans*, one or more of one run, have begun; return how many uploads were open."""
        aborted = abort_run(self.get_store(plans[0].run.target, plans[0].options), plans)
        for plan in plans:
            if plan.source.staging:
                with self.database() as connection:
                    drop_staging(connection, plan.source, timeout=self.statement_timeout, every_try=True)
        return aborted

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix for the link."""
        return place_of(self.plans)
