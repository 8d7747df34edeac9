"""One SQL script, one task, one connection, one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import structlog

from billing_aggregator.observe import logs, metrics
from billing_aggregator.operators.lineage import script_lineage
from billing_aggregator.operators.script_errors import naming
from billing_aggregator.operators.sql_file import SqlFileOperator, text_of
from billing_aggregator.postgres.drivers import handle_notices
from billing_aggregator.runs import run_records
from billing_aggregator.runs.attempts import Attempt, AttemptGuard
from billing_aggregator.sql.runner import run_script

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.table_guard import Phase

log = structlog.get_logger(__name__)


class SqlScriptOperator(SqlFileOperator):
    """Run a whole SQL file in one transaction of the client's warehouse.

    The stock operator fetches the last result set, cannot bind session settings and leaves a killed task's query
    running. This one does neither: it sends the file as it is, with the run's values as settings ``bda.<name>``, and
    cancels the query when the task is killed or times out.

    :param sql: path of the script, relative to the client's SQL root. Not templated.
    :param client_config: the client and environment.
    :param system: the system that the script belongs to.
    """

    @property
    def script(self) -> str:
        """The script's path, relative to the client's SQL root."""
        return self.files[0]

    def work(self, context: Context) -> dict[str, Any]:
        """Return ``{"statements": n, "rows": n, "seconds": s}``; raises SqlScriptError."""
        text = text_of(self.sql, self.script)
        log.debug("script text", file=self.script, sql=text)
        with self.warehouse(context) as connection, naming(self.script):
            handle_notices(connection, logs.notice_handler(self.script))
            try:
                result = run_script(
                    connection,
                    text,
                    self.run_settings(context),
                    self._guard(context, connection),
                    local=self.client_config.settings_of(self.script.removesuffix(".sql")),
                )
            finally:
                logs.log_kept_notices(self.script, connection)
        seconds = round(result.seconds, 3)
        phase, script = logs.phase_and_script(self.task_id)
        metrics.emit(self.client_config, "script_seconds", seconds, phase=phase, script=script)
        log.info("script done", file=self.script, statements=result.statements, rows=result.rows, seconds=seconds)
        return {"statements": result.statements, "rows": result.rows, "seconds": seconds}

    def _guard(self, context: Context, connection: Connection) -> AttemptGuard:
        attempt = Attempt(self.this_run(context), self.task_id, context["ti"].try_number)
        run_records.record_attempt(connection, attempt)
        phase = cast("Phase", self.script.split("/")[0])
        # What is kept is what was published: not what a publication that was marked as success has left out.
        kept = run_records.published_tables(connection, self.this_run(context)) if phase == "history" else None
        return AttemptGuard(attempt, self.table_guard(context, phase, self.script, kept))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what the script read and made, to OpenLineage's provider, which alone asks; None before it ran."""
        return None if self.place is None else script_lineage(self.place, text_of(self.sql, self.script))
