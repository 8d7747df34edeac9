"""One check, one task: a SELECT that returns the offending rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import structlog
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.operators.script_errors import naming
from billing_aggregator.operators.sql_file import SqlFileOperator, text_of
from billing_aggregator.sql.checks import CheckResult, parse_check, run_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.runs.table_guard import Phase

log = structlog.get_logger(__name__)
CELL_WIDTH = 40


class SqlCheckOperator(SqlFileOperator):
    """Run a check of prechecks or audits; none of its rows is a pass.

    A violation of a ``fail`` check fails the run at once: a retry would find the same rows. ``warn`` and ``info`` are
    logged with a bounded sample and reported in the run's summary. A client's ``check_severity`` overrides the file's.

    :param sql: path of the check, relative to the client's SQL root. Not templated.
    :param client_config: the client and environment.
    :param system: the system that the check belongs to.
    """

    def work(self, context: Context) -> dict[str, Any]:
        """Return ``{"check": path, "severity": s, "title": t, "violations": rows}``; raises SqlScriptError."""
        check = parse_check(text_of(self.sql, self.script), self.script)
        with self.warehouse(context) as connection, naming(self.script):
            guard = self.table_guard(context, cast("Phase", self.script.split("/")[0]), self.script)
            result = run_check(connection, check, self.run_settings(context), guard.check)
        severity = self.severity(result)
        outcome = {
            "check": self.script,
            "severity": severity,
            "title": result.title,
            "violations": result.violations,
        }
        self._log(result, outcome)
        if result.violations and severity == "fail":
            raise AirflowFailException(f"{self.script}: {result.violations} rows violate: {result.title}")
        return outcome

    def severity(self, result: CheckResult) -> str:
        """Return the file's severity, or what the client's configuration says instead."""
        name = self.script.removesuffix(".sql")
        configured: str = self.client_config.check_severity.get(name, result.severity)
        return configured

    def _log(self, result: CheckResult, outcome: dict[str, Any]) -> None:
        if result.missing:
            log.warning("check skipped: tables do not exist", missing=list(result.missing), **outcome)
        elif not result.violations:
            log.info("check passed", **outcome)
        else:
            write = log.info if outcome["severity"] == "info" else log.warning
            write("check violated", **outcome)
            for line in sample_lines(result):
                write(line)


def sample_lines(result: CheckResult) -> Iterator[str]:
    """Yield the sample as a table of text, one line a row, long values cut."""
    rows = [result.columns, *(tuple("NULL" if cell is None else cell for cell in row) for row in result.sample)]
    cut = [[cell if len(cell) <= CELL_WIDTH else f"{cell[: CELL_WIDTH - 1]}…" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(result.columns))]
    for row in cut:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if result.violations > len(result.sample):
        yield f"... and {result.violations - len(result.sample)} more rows"
