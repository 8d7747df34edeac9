"""The export operators as a run uses them: they know their client, its connections and the run's params."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.operators.abort_exports import AbortExportsOperator
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.operators.export_chunks import ExportChunksOperator
from billing_aggregator.operators.export_plan import PLAN_KEY, ExportPlanOperator
from billing_aggregator.operators.publish_exports import PublishExportsOperator
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_file import SqlFile, text_of
from billing_aggregator.operators.sweep_exports import SweepExportsOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig


class ClientExportOperator(RunAwareOperator, ExportBaseOperator):
    """Base: warehouse and bucket of the client, sessions that name the task and end with it."""

    def __init__(self, *, client_config: ClientConfig, **kwargs: Any) -> None:
        super().__init__(
            client_config=client_config,
            postgres_conn_id=client_config.database_conn_id,
            aws_conn_id=client_config.aws_conn_id,
            # The session's own time-out belongs to the task's; see RunAwareOperator.warehouse_hook.
            statement_timeout=client_config.task_timeout_minutes * 60,
            **kwargs,
        )
        self._context: Context | None = None

    def pre_execute(self, context: Context) -> None:
        """Keep the run's context: connections are named after the run."""
        super().pre_execute(context)
        self._context = context

    def get_db_connection(self) -> Any:
        """Return a connection to the client's warehouse."""
        assert self._context is not None  # noqa: S101 - pre_execute runs first
        return self.warehouse_hook(self._context).get_conn()

    def get_s3_client(self) -> Any:
        """Return a client for the client's bucket."""
        from billing_aggregator.s3.client import client_hook

        return client_hook(self.client_config).get_conn()


class ClientPlanOperator(ClientExportOperator, ExportPlanOperator):
    """Plan one export of a run.

    :param query: path of the query's file, relative to the client's SQL root; shown in the UI as the file's text, and
        sent as it is. Not templated.
    """

    template_ext: Sequence[str] = ()

    def __init__(self, *, client_config: ClientConfig, query: str | None = None, **kwargs: Any) -> None:
        file: Any = None if query is None else SqlFile(query, client_config)
        super().__init__(client_config=client_config, query=file, **place(client_config), **kwargs)
        self.query = file
        self.query_name = query or self.query_name

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the units of work, for the business date, file size and dry run that the run's params say."""
        run = self.run_params(context)
        self.business_date = run.business_date.isoformat()
        self.max_rows_per_file = run.max_rows_per_file
        self.report_only = run.dry_run
        if self.query is not None:
            self.query = text_of(self.query, self.query_name)
        self.check_tables = self.table_guard(context, "export", self.query_name).check
        return super().execute(context)


class ClientChunksOperator(ClientExportOperator, ExportChunksOperator):
    """Export one unit of a plan."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the chunks' states."""
        return super().execute(context)


class ClientPublishOperator(ClientExportOperator, PublishExportsOperator):
    """Publish all exports of a run.

    :param plan_tasks: ids of the plans' tasks; those that the run has skipped have no plan.
    """

    def __init__(self, *, plan_tasks: Sequence[str], **kwargs: Any) -> None:
        super().__init__(plans=[], **kwargs)
        self.plan_tasks = list(plan_tasks)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was published; see :class:`PublishExportsOperator`."""
        self.plans = pull_plans(context, self.plan_tasks)
        return super().execute(context)


class ClientAbortOperator(ClientExportOperator, AbortExportsOperator):
    """Abort what a failed run has left open.

    :param plan_tasks: ids of the plans' tasks.
    """

    heartbeats = False

    def __init__(self, *, plan_tasks: Sequence[str], **kwargs: Any) -> None:
        super().__init__(plans=[], **kwargs)
        self.plan_tasks = list(plan_tasks)

    def execute(self, context: Context) -> int:
        """Return how many uploads were open."""
        self.plans = pull_plans(context, self.plan_tasks)
        return super().execute(context)


class ClientSweepOperator(ClientExportOperator, SweepExportsOperator):
    """Abort what forgotten runs have left open."""

    def __init__(self, *, client_config: ClientConfig, **kwargs: Any) -> None:
        super().__init__(client_config=client_config, options=client_config.export, **place(client_config), **kwargs)

    def execute(self, context: Context) -> dict[str, list[str]]:
        """Return what was thrown away."""
        return super().execute(context)


def pull_plans(context: Context, tasks: Sequence[str]) -> list[Any]:
    """Return the plans that *tasks* have pushed; a task that was skipped or has failed has none.

    Pulled here and not by XComArg: Airflow refuses an XComArg of a key that a skipped task has not pushed.
    """
    pulled = (context["ti"].xcom_pull(task_ids=task, key=PLAN_KEY) for task in tasks)
    return [plan for plan in pulled if plan]


def place(config: ClientConfig) -> dict[str, str]:
    """Return target, client and environment of the client's exports."""
    return {"target": f"s3://{config.s3_bucket}", "client": config.client, "environment": config.environment}
