"""What every task of a run shares: it knows its client, skips what the run leaves out, and talks to the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from billing_aggregator.config import ConfigError
from billing_aggregator.connections import postgres_hook
from billing_aggregator.run_params import RunParamError, RunParams, resolve_params

if TYPE_CHECKING:
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig

# The server cancels a statement before Airflow gives up the task, so that the task can say what happened.
STATEMENT_MARGIN_SECONDS = 10


class RunAwareOperator(BaseOperator):
    """Base of the aggregator's tasks.

    :param client_config: the client and environment that the task works for.
    :param system: the task is skipped in runs without this system; None: it belongs to no system.
    :param publishes: the task changes what readers see; it is skipped in dry runs.
    """

    def __init__(
        self, *, client_config: ClientConfig, system: str | None = None, publishes: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.client_config = client_config
        self.system = system
        self.publishes = publishes

    def pre_execute(self, context: Context) -> None:
        """Skip what this run leaves out; fail at once when its params do not fit together."""
        super().pre_execute(context)
        run = self.run_params(context)
        if self.system is not None and self.system not in run.systems:
            raise AirflowSkipException(f"this run leaves out system {self.system}")
        if self.publishes and run.dry_run:
            raise AirflowSkipException("dry run: nothing is published")

    def run_params(self, context: Context) -> RunParams:
        """Return the run's params; raises AirflowFailException, for a retry would not change them."""
        try:
            return resolve_params(self.client_config, context)
        except RunParamError as error:
            raise AirflowFailException(str(error)) from None

    def run_settings(self, context: Context) -> dict[str, str]:
        """Return what SQL scripts read as ``bda.<name>``."""
        run = self.run_params(context)
        return {
            "client": self.client_config.client,
            "environment": self.client_config.environment,
            "business_date": run.business_date.isoformat(),
            "run_id": str(context["run_id"]),
            "retention_days": str(self.client_config.retention_days),
            "freshness_hours": str(self.client_config.freshness_hours),
        }

    def warehouse_hook(self, context: Context) -> PostgresHook:
        """Return a hook whose sessions name this task and end with it."""
        seconds = int(self.execution_timeout.total_seconds()) if self.execution_timeout else 3600
        try:
            return postgres_hook(
                self.client_config,
                application_name=f"bda:{self.client_config.client}:{self.client_config.environment}:{self.task_id}",
                statement_seconds=max(1, seconds - STATEMENT_MARGIN_SECONDS),
            )
        except ConfigError as error:
            raise AirflowFailException(str(error)) from None
