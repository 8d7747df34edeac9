"""Plans an export: cuts it into files at exact rows and opens their uploads."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.keys import ExportRun, check_target
from billing_aggregator.export.plan.planner import STAGING_SCHEMA, Export, plan_export
from billing_aggregator.export.plan.projection import BEFORE_QUERY
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.operators.script_errors import SqlScriptError
from billing_aggregator.runs.airflow_names import DRY_RUN_KEY, PLAN_KEY
from billing_aggregator.sql.error_text import script_error_text
from billing_aggregator.sql.runner import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.export.transaction import CheckTables
    from billing_aggregator.postgres.protocols import Connection

BUSINESS_DATE = "{{ (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%d') }}"


class ExportPlanOperator(ExportBaseOperator):
    """Plan the export of a Postgres table or query to CSV files on S3 or in a folder.

    Cuts the rows into files of exactly ``max_rows_per_file`` rows in the table's physical order and opens a multipart
    upload for each file; nothing becomes visible. Returns the units of work, one for each task of an
    :class:`~billing_aggregator.operators.export_chunks.ExportChunksOperator` that is expanded over them, and pushes
    the plan itself under the key ``plan``. A dry run pushes what would be published under ``dry_run`` instead, and has
    no units.

    A table, a materialised view, and a query that only picks columns of one are read in place. Any other query is
    frozen in an unlogged table first, which the publication drops.

    .. seealso::
        docs/export.md explains the protocol and shows how the operators are wired.

    :param export_name: name of the export and stem of its files, such as ``tripica_results`` or ``customer/oibl``.
    :param target: ``s3://bucket`` or ``file:///folder``. (templated)
    :param client: first part of the manifest's key. (templated)
    :param environment: second part of the manifest's key. (templated)
    :param table: ``schema.name`` of a table or view, without quotes; give this or *query*.
    :param query: a SELECT, or the name of a ``.sql`` file. (templated) Jinja reads what is in braces: a text that is to
        be sent as it is goes in as ``airflow.sdk.literal(text)``.
    :param business_date: the day that the data are for, ISO. (templated)
    :param run_id: identity of the publication; all exports of a publication share it. (templated)
    :param options: see :class:`~billing_aggregator.config.export_options.ExportOptions`; wrong values and
        contradictions are refused here, when the DAG is built.
    :param max_rows_per_file: replaces the one of *options*, for values that are known at run time only. (templated)
    :param chunks_per_task: files that one task exports with one COPY, more where the tasks would be too many for
        Airflow. None: one file, and more where there are many small ones.
    :param report_only: dry run: run the COPY, report files, rows, bytes and sums, write nothing anywhere. (templated)
    :param staging_schema: where a query is frozen.
    """

    template_fields: Sequence[str] = (
        *ExportBaseOperator.template_fields,
        *("target", "client", "environment", "query", "business_date", "run_id", "max_rows_per_file", "report_only"),
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"query": "sql"}  # noqa: RUF012 - Airflow's own form

    def __init__(
        self,
        *,
        export_name: str,
        target: str,
        client: str,
        environment: str,
        table: str | None = None,
        query: str | None = None,
        business_date: str = BUSINESS_DATE,
        run_id: str = "{{ run_id }}",
        options: ExportOptions | Mapping[str, Any] | None = None,
        max_rows_per_file: int | str | None = None,
        chunks_per_task: int | None = None,
        report_only: bool | str = False,
        staging_schema: str = STAGING_SCHEMA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Refuses a wrong name, and both or neither of table and query.
        Export(export_name, table=_split(table), query=query)
        if chunks_per_task is not None and chunks_per_task < 1:
            raise ValueError(f"chunks_per_task is {chunks_per_task}; give 1 or more")
        if "{{" not in target:
            check_target(target)
        self.export_name = export_name
        self.target = target
        self.client = client
        self.environment = environment
        self.table = table
        self.query = query
        is_file = isinstance(query, str) and query.endswith(".sql")
        self.query_name = query if query and is_file else f"query of export {export_name}"
        self.business_date = business_date
        self.run_id = run_id
        self.options = options if isinstance(options, ExportOptions) else ExportOptions.model_validate(options or {})
        self.max_rows_per_file = max_rows_per_file
        self.chunks_per_task = chunks_per_task
        self.report_only = report_only
        self.staging_schema = staging_schema
        if isinstance(max_rows_per_file, int):
            self._options()

    #: Tells runs of the same id apart that belong to two Airflows.
    run_tag = ""
    #: Looks at the tables that the export reads and refuses them by an error; None takes any.
    check_tables: CheckTables | None = None

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Return the units of work; none for a dry run and for an empty result that is to be skipped."""
        run = ExportRun(self.target, self.client, self.environment, self.business_date, self.run_id, self.run_tag)
        export = Export(self.export_name, _split(self.table), self.query, self.staging_schema)
        with self._query_errors(export), self.database() as connection:
            if str(self.report_only).lower() == "true":
                return self._dry_run(context, connection, run, export)
            plan = plan_export(
                connection,
                self.get_store(run.target, self.options),
                run,
                export,
                self._options(),
                timeout=self.statement_timeout,
                check_tables=self.check_tables,
                attempt=context["ti"].try_number,
            )
        context["ti"].xcom_push(key=PLAN_KEY, value=plan.to_json())
        self.log.info("%s: %s rows, %d files", plan.name, f"{plan.rows:,}", len(plan.chunks))
        return plan.units(self.chunks_per_task, most_mapped_tasks())

    def _dry_run(
        self, context: Context, connection: Connection, run: ExportRun, export: Export
    ) -> list[dict[str, Any]]:
        """Push what would be published; return no units of work."""
        timeout, check = self.statement_timeout, self.check_tables
        report = dry_run(connection, run, export, self._options(), timeout=timeout, check_tables=check).to_json()
        # Not the report itself: it names every file, which may be thousands.
        self.log.info("dry run: %s", report | {"files": len(report["files"])})
        context["ti"].xcom_push(key=DRY_RUN_KEY, value=report)
        return []

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix for the link."""
        return self.target, f"{self.client}/{self.environment}/"

    @contextmanager
    def _query_errors(self, export: Export) -> Iterator[None]:
        """Name file, line and statement in what the server says of a query."""
        try:
            yield
        except Exception as error:
            if export.query is None or sqlstate(error) is None:
                raise
            failed = StatementError.of_query(export.as_query(), error, BEFORE_QUERY)
            raise SqlScriptError(script_error_text(failed, self.query_name)) from error

    def _options(self) -> ExportOptions:
        if self.max_rows_per_file is None:
            return self.options
        return ExportOptions.model_validate(self.options.model_dump() | {"max_rows_per_file": self.max_rows_per_file})


def most_mapped_tasks() -> int:
    """Return how many tasks Airflow maps at most: ``[core] max_map_length``, 1,024 unless it is configured."""
    return int(conf.getint("core", "max_map_length", fallback=1024))


def _split(table: str | None) -> tuple[str, str] | None:
    if table is None:
        return None
    schema, point, name = table.partition(".")
    if not point or not schema or not name or "." in name:
        raise ValueError(f"table {table!r} is not schema.name")
    return schema, name
