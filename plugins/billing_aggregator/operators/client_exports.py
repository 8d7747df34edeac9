"""The export operators as a run uses them: they know their client, its connections and the run's params."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.planner import STAGING_SCHEMA
from billing_aggregator.export.plan.staging import sweep_staging
from billing_aggregator.export.publish.consistency import check_newer
from billing_aggregator.export.reader import client_manifest
from billing_aggregator.export.store.abandoned_uploads import DAY, abort_other, is_published, sweep_uploads
from billing_aggregator.observe import emit
from billing_aggregator.operators.abort_exports import AbortExportsOperator
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.operators.export_chunks import ExportChunksOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.lineage import publication_lineage, tables_of
from billing_aggregator.operators.publish_exports import PublishExportsOperator
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_file import SqlFile, text_of
from billing_aggregator.operators.sweep_exports import SweepExportsOperator
from billing_aggregator.runs import lock, run_records
from billing_aggregator.runs.airflow_names import NOTHING_KEY
from billing_aggregator.runs.params import chosen_date
from billing_aggregator.sql.runner import set_for_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.identity import Run


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

    @contextmanager
    def around_work(self, context: Context) -> Iterator[None]:
        """Keep the run's context: connections are named after the run. Count the tries that fail."""
        self._context = context
        try:
            with super().around_work(context):
                yield
        except AirflowSkipException:
            raise
        except (Exception, AirflowTaskTimeout):
            emit(self.client_config, "export_failed", 1)
            raise

    def get_db_connection(self) -> Connection:
        """Return a connection to the client's warehouse."""
        assert self._context is not None  # noqa: S101 - nothing connects before the work
        return self.warehouse_hook(self._context).get_conn()

    def get_s3_client(self) -> Any:
        """Return a client for the client's bucket."""
        from billing_aggregator.s3.client import client_hook  # noqa: PLC0415 - slow: the provider's hook

        return client_hook(self.client_config).get_conn()


class ClientPlanOperator(ClientExportOperator, ExportPlanOperator):
    """Plan one export of a run.

    :param query: path of the query's file, relative to the client's SQL root; shown in the UI as the file's text, and
        sent as it is. Not templated.
    """

    # What is known when the DAG is built is no template: each field costs the DAG's parsing and every task's start.
    template_fields: Sequence[str] = ("query",)
    template_ext: Sequence[str] = ()

    def __init__(self, *, client_config: ClientConfig, query: str | None = None, **kwargs: Any) -> None:
        file: Any = None if query is None else SqlFile(query, client_config)
        super().__init__(client_config=client_config, query=file, **place(client_config), **kwargs)
        self.query = file
        self.query_name = query or self.query_name

    def get_db_connection(self) -> Connection:
        """Return a connection whose session has the run's values, ``bda.<name>``, for the query."""
        connection = super().get_db_connection()
        assert self._context is not None  # noqa: S101 - nothing connects before the work
        set_for_session(connection, self.run_settings(self._context))
        return connection

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Return the units of work, for the business date, file size and dry run that the run's params say."""
        run = self.run_params(context)
        self.run_id = str(context["run_id"])
        self.business_date = run.business_date.isoformat()
        self.max_rows_per_file = run.max_rows_per_file
        self.report_only = run.dry_run
        if self.query is not None:
            self.query = text_of(self.query, self.query_name)
        self.run_tag = self.this_run(context).tag
        self.check_tables = self.table_guard(context, "export", self.query_name).check
        if not run.dry_run:
            # The run has its client for itself: what was open at these keys when this try began is of a plan that it
            # replaces. What is younger may be of its successor, if Airflow has given this one up meanwhile.
            store, begun = self.get_store(self.target, self.options), context["ti"].start_date
            age = (datetime.now(UTC) - begun).total_seconds() if begun else -1
            place = export_run(self, context)
            abort_other(store, place, self.options.key_template, self.export_name, older_than=age)
        return super().work(context)


class ClientChunksOperator(ClientExportOperator, ExportChunksOperator):
    """Export one unit of a plan."""

    template_fields: Sequence[str] = ("plan", "unit")


class ClientPublishOperator(ClientExportOperator, PublishExportsOperator):
    """Publish all exports of a run, and record in the warehouse what was published."""

    template_fields: Sequence[str] = ("states",)

    def work(self, context: Context) -> dict[str, Any]:
        """Return what was published; see :class:`PublishExportsOperator`."""
        self.over_newer = chosen_date(context)
        try:
            published = super().work(context)
        except AirflowSkipException:
            context["ti"].xcom_push(key=NOTHING_KEY, value=True)
            raise
        # The time of a run's first publication decides whether it was late (publishing again changes the manifest's),
        # and what was published decides what history keeps.
        with self.warehouse(context) as connection:
            with connection.cursor() as cursor:
                tables = self.table_guard(context, "export").released(cursor)
            run_records.record_publication(connection, self.this_run(context), tables)
        emit(self.client_config, "published", 1)
        return published

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what was published and from which tables, to OpenLineage's provider, which alone asks."""
        if self.place is None or not self.reported:
            return None
        return publication_lineage(self.place, *self.published_prefix(), self.reported, self._tables())

    def _tables(self) -> Iterator[str]:
        """Yield the tables that the published exports were made from."""
        for task in self.plan_tasks:
            plan: Any = self.dag.task_dict[task]
            if plan.export_name in self.reported:
                yield from (plan.table,) if plan.table else tables_of(text_of(plan.query, plan.query_name))[0]


class ClientAbortOperator(ClientExportOperator, AbortExportsOperator):
    """Clean up after a run's exports: what a published run has left open, and whatever is older than a day.

    The uploads of a failed run stay open for a day: they are invisible, and the run can go on from its failed task.
    """

    template_fields: Sequence[str] = ()
    heartbeats = False

    def abort(self, plans: Sequence[ExportPlan]) -> int:
        """Return how many uploads were aborted."""
        run = plans[0].run
        store = self.get_store(run.target, plans[0].options)
        if is_published(store, plans):
            return super().abort(plans) + self._abort_others(store, plans)
        self.log.info("the run is not published: its exports stay open for a day, so that it can be continued")
        # A client whose runs all fail never reaches the sweep in cleanup.
        own = {chunk.upload.upload_id for plan in plans for chunk in plan.chunks}
        aborted = len(sweep_uploads(store, run.prefix, keep=own))
        with self.database() as connection:
            sweep_staging(connection, STAGING_SCHEMA, older_than=DAY, timeout=self.statement_timeout)
        return aborted

    def _abort_others(self, store: Store, plans: Sequence[ExportPlan]) -> int:
        """Abort what tries that Airflow had given up have opened beside those that were published."""
        assert self._context is not None  # noqa: S101 - nothing is aborted before the work
        run = self.this_run(self._context)
        with self.warehouse(self._context) as connection:
            held = lock.holder(connection, run)
        if held is None or held.run != run:
            return 0  # cleared behind the run's end: another one may be exporting
        return sum(abort_other(store, plan.run, plan.options.key_template, plan.name) for plan in plans)


class ClientSweepOperator(ClientExportOperator, SweepExportsOperator):
    """Abort what orphaned runs have left open."""

    template_fields: Sequence[str] = ()

    def __init__(self, *, client_config: ClientConfig, **kwargs: Any) -> None:
        super().__init__(client_config=client_config, options=client_config.export, **place(client_config), **kwargs)


def export_run(operator: ExportPlanOperator, context: Context) -> ExportRun:
    """Return the run as its files' keys have it."""
    day = operator.business_date
    return ExportRun(
        operator.target, operator.client, operator.environment, day, str(context["run_id"]), operator.run_tag
    )


def place(config: ClientConfig) -> dict[str, str]:
    """Return target, client and environment of the client's exports."""
    return {"target": f"s3://{config.s3_bucket}", "client": config.client, "environment": config.environment}


def refuse_older(config: ClientConfig, run: Run, business_date: str) -> None:
    """Refuse *run* where another run has published a newer business date.

    :param business_date: ISO date.
    :raises PublicationSupersededError: see :func:`billing_aggregator.export.publish.consistency.check_newer`.
    """
    exporting = ExportRun(**place(config), business_date=business_date, run_id=run.run_id, tag=run.tag)
    check_newer(client_manifest(config), exporting)
