"""The first task of a run: checks the params and says what the run will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.operators.run_aware import RunAwareOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = structlog.get_logger(__name__)


class StartRunOperator(RunAwareOperator):
    """Refuse unknown or contradicting params before anything happens, and reach the warehouse once."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the run's resolved params."""
        run = self.run_params(context)
        resolved = {
            "client": self.client_config.client,
            "environment": self.client_config.environment,
            "business_date": run.business_date.isoformat(),
            "systems": list(run.systems),
            "max_rows_per_file": run.max_rows_per_file,
            "dry_run": run.dry_run,
        }
        log.info("run starts", **resolved)
        return resolved
