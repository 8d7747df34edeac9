"""The first task of a run: checks the params, locks the client, and says what the run will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from billing_aggregator.errors.text import first_line
from billing_aggregator.operators.client_exports import refuse_older
from billing_aggregator.operators.run_aware import DEPLOYMENT_KEY, RunAwareOperator
from billing_aggregator.runs import lock
from billing_aggregator.runs import tables as run_tables
from billing_aggregator.runs.airflow_states import has_ended
from billing_aggregator.runs.params import chosen_date
from billing_aggregator.runs.preflight import UnreachableError, check_bucket, check_warehouse
from billing_aggregator.runs.summary import PUBLISH_TASK

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.runs.identity import Run
    from billing_aggregator.runs.params import RunParams

NOTHING_DONE = {"state": "failed", "rows": 0, "files": 0, "bytes": 0, "totals": {}}

log = structlog.get_logger(__name__)


class StartRunOperator(RunAwareOperator):
    """Refuse bad params, an unreachable warehouse, a missing bucket and a second run before anything happens.

    So is a run that would publish an older business date over a newer one: what ``publish`` refuses at its end would
    leave the older day's rows in the warehouse.

    Taking the lock is a task's heartbeat as any other (see :class:`RunAwareOperator`): the first one finds it free.
    """

    def pre_execute(self, context: Context) -> None:
        """Reach the warehouse and the bucket once; wrong credentials or names fail at once, an outage is retried."""
        super().pre_execute(context)
        try:
            check_warehouse(self.client_config)
            check_bucket(self.client_config)
        except UnreachableError as error:
            if error.lasting:
                raise AirflowFailException(str(error)) from None
            raise AirflowException(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the run's resolved params.

        :raises AirflowFailException: another run has the client, or has published a newer business date.
        """
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
        context["ti"].xcom_push(key=DEPLOYMENT_KEY, value=run.deployment)
        with self.warehouse(context) as connection:
            run_tables.ensure_tables(connection)
            run_tables.record_start(
                connection, run, business_date=resolved["business_date"], dry_run=resolved["dry_run"]
            )
            try:
                self._check_publication(context, params, run)
            except Exception as error:
                # What a failed setup has begun no teardown ends.
                run_tables.record_end(connection, run, NOTHING_DONE | {"error": first_line(error)})
                lock.release(connection, run)
                raise
        log.info("run starts", **resolved, session_tag=run.tag, deployment=run.deployment)
        return resolved

    def _check_publication(self, context: Context, params: RunParams, run: Run) -> None:
        """Refuse what ``publish`` would refuse; where it does not run again, a cleared task of an old run may."""
        if params.dry_run or chosen_date(context):
            return
        if not has_ended(run.dag_id, run.run_id, PUBLISH_TASK):
            refuse_older(self.client_config, run, params.business_date.isoformat())
