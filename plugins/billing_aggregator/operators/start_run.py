"""The first task of a run: checks the params, claims the client, and says what the run will do."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator import run_tables
from billing_aggregator.operators.run_aware import RunAwareOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = structlog.get_logger(__name__)


class StartRunOperator(RunAwareOperator):
    """Refuse unknown or contradicting params before anything happens, and a second run of the same client.

    Taking the claim is a task's heartbeat as any other (see :class:`RunAwareOperator`): the first one finds it free.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the run's resolved params; raises AirflowFailException when another run has the client."""
        params = self.run_params(context)
        run = self.this_run(context)
        resolved: dict[str, Any] = {
            "client": self.client_config.client,
            "environment": self.client_config.environment,
            "business_date": params.business_date.isoformat(),
            "systems": list(params.systems),
            "max_rows_per_file": params.max_rows_per_file,
            "dry_run": params.dry_run,
        }
        with closing(self.warehouse_hook(context).get_conn()) as connection:
            run_tables.ensure_tables(connection)
            run_tables.record_start(
                connection, run, business_date=resolved["business_date"], dry_run=resolved["dry_run"]
            )
        log.info("run starts", **resolved, session_tag=run.tag, deployment=run.deployment)
        return resolved
