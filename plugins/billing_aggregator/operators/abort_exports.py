"""Ends a run's exports: aborts what it left open, drops what it froze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.export.plan.staging import drop_staging
from billing_aggregator.export.store.abandoned_uploads import abort_run
from billing_aggregator.operators.export_base import ExportBaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions.context import Context


class AbortExportsOperator(ExportBaseOperator):
    """Abort the open uploads of a run and drop its frozen tables; completed uploads are not touched.

    Meant as the teardown of a run's exports: after a publication there is nothing left to abort, after a failure the
    store is as it was before the run. Returns the number of aborted uploads.

    :param plans: what the plans' tasks pushed as ``plan``; a plan that failed has pushed nothing. (templated)
    """

    template_fields: Sequence[str] = (*ExportBaseOperator.template_fields, "plans")

    def __init__(self, *, plans: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plans = plans

    def execute(self, context: Context) -> int:
        """Return how many uploads were open."""
        plans = [ExportPlan.from_json(plan) for plan in self.plans or [] if plan and "dry_run" not in plan]
        if not plans:
            return 0
        with self.errors():
            aborted = abort_run(self.get_store(plans[0].run.target, plans[0].options), plans)
            for plan in plans:
                if plan.source.staging:
                    with self.database() as connection:
                        drop_staging(connection, plan.source, timeout=self.statement_timeout)
        return aborted

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix for the link."""
        for plan in self.plans or []:
            if plan and "run" in plan:
                run = ExportPlan.from_json(plan).run
                return run.target, run.prefix
        return "", ""
