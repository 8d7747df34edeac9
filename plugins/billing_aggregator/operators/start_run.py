"""The first task of a run: checks the params, locks the client, and says what the run will do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts.run_end import due_at
from billing_aggregator.alerts.run_facts import run_facts
from billing_aggregator.config.load import sql_root
from billing_aggregator.errors.text import first_line
from billing_aggregator.migrations import apply_migrations, find_migrations
from billing_aggregator.operators.client_exports import refuse_older
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.task_errors import task_errors
from billing_aggregator.runs import RunSummary, lock, run_records
from billing_aggregator.runs.airflow_names import DEPLOYMENT_KEY, PUBLISH_TASK, START_TASK
from billing_aggregator.runs.airflow_states import has_ended
from billing_aggregator.runs.params import chosen_date
from billing_aggregator.runs.preflight import check_bucket, check_warehouse

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.identity import Run
    from billing_aggregator.runs.params import RunParams

log = structlog.get_logger(__name__)


class StartRunOperator(RunAwareOperator):
    """Refuse bad params, an unreachable warehouse, a missing bucket and a second run before anything happens.

    A run that would publish an older business date over a newer one is refused here as well: refused at ``publish``, it
    would leave the older day's rows in the warehouse.

    Taking the lock is a task's heartbeat as any other (see :class:`RunAwareOperator`): the first one finds it free.
    """

    begins = True

    def pre_execute(self, context: Context) -> None:
        """Reach the warehouse and the bucket once; wrong credentials or names fail at once, an outage is retried."""
        super().pre_execute(context)
        with task_errors():
            check_warehouse(self.client_config)
            check_bucket(self.client_config)

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's resolved params.

        :raises PublicationSupersededError: another run has published a newer business date.
        :raises MigrationRefusedError: an applied migration was changed, or is missing.
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
            run_records.ensure_tables(connection)
            run_records.record_start(
                connection,
                run,
                business_date=resolved["business_date"],
                dry_run=resolved["dry_run"],
                due_at=due_at(self.client_config, run_facts(self.client_config, context["dag_run"], run.run_id)),
            )
            try:
                self._check_publication(context, params, run)
                self._migrate(connection, params)
            except Exception as error:
                # No teardown ends what a failed setup has begun.
                run_records.record_end(connection, _failed(run, params, error))
                lock.release(connection, run)
                raise
        log.info("run starts", **resolved, session_tag=run.tag, deployment=run.deployment)
        return resolved

    def _migrate(self, connection: Connection, params: RunParams) -> None:
        """Bring the durable tables of the run's systems up to date; systems without any cost nothing."""
        migrations = find_migrations(sql_root(self.client_config), params.systems)
        for applied in apply_migrations(connection, migrations):
            log.info("migration applied", file=applied.script, seconds=round(applied.seconds, 3))

    def _check_publication(self, context: Context, params: RunParams, run: Run) -> None:
        """Refuse what ``publish`` would refuse; where it does not run again, a cleared task of an old run may."""
        if params.dry_run or chosen_date(context):
            return
        if not has_ended(run.dag_id, run.run_id, PUBLISH_TASK):
            refuse_older(self.client_config, run, params.business_date.isoformat())


def _failed(run: Run, params: RunParams, error: Exception) -> RunSummary:
    """Return the summary of a run that its first task has refused."""
    now = datetime.now(UTC)
    return RunSummary(
        run=run,
        business_date=params.business_date.isoformat(),
        dry_run=params.dry_run,
        state="failed",
        started_at=now,
        ended_at=now,
        failed_tasks=(START_TASK,),
        error=first_line(error),
    )
