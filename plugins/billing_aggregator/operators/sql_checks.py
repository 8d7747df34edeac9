"""The checks of a system and phase: one task, every check reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.errors.kinds import classify
from billing_aggregator.errors.text import first_line
from billing_aggregator.operators.lineage import checks_lineage
from billing_aggregator.operators.script_errors import SqlScriptError
from billing_aggregator.operators.sql_file import SqlFileOperator, text_of
from billing_aggregator.runs.airflow_names import CHECKS_KEY
from billing_aggregator.sql.check_phase import CheckPhase, NamedCheck
from billing_aggregator.sql.checks import parse_check
from billing_aggregator.sql.error_text import script_error_text
from billing_aggregator.sql.runner import StatementError
from billing_aggregator.sql.scripts import stage_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.table_guard import Phase
    from billing_aggregator.sql.check_phase import CheckOutcome
    from billing_aggregator.sql.checks import CheckResult

log = structlog.get_logger(__name__)
CELL_WIDTH = 40


class ChecksViolatedError(AirflowFailException):
    """Checks of severity ``fail`` found offending rows; a retry would find the same.

    :param violated: a line for each of them.
    """

    def __init__(self, message: str, violated: Sequence[str]) -> None:
        super().__init__(message)
        self.violated = tuple(violated)


class SqlChecksOperator(SqlFileOperator):
    """Run the checks of a system in prechecks or audits; a check whose SELECT returns no rows passes.

    Checks run by their number: a stage begins when the one before has ended, and its checks run side by side on up to
    ``db_max_conns`` sessions. All of them see one snapshot, taken when the task starts. Behind a stage with a violated
    ``fail`` check, or one that failed, no other stage runs. Every check is logged with its violations and a bounded
    sample; their outcomes are the XCom ``checks``, also when the task fails.

    :param sql: paths of the checks, relative to the client's SQL root; shown in the UI as the files' texts.
    :param client_config: the client and environment; its ``check_severity`` overrides a file's severity.
    :param system: the system that the checks belong to.
    """

    many = True
    # What became of each check, once they have run.
    outcomes: Sequence[dict[str, Any]] = ()

    def __init__(self, *, sql: list[str], client_config: ClientConfig, **kwargs: Any) -> None:
        # A stage may take as long as a task of its own could: each check has the time-out of a task.
        stages = len({stage_of(name) for name in sql}) if isinstance(sql, list) else 1
        kwargs.setdefault("execution_timeout", timedelta(minutes=client_config.task_timeout_minutes * stages))
        super().__init__(sql=sql, client_config=client_config, **kwargs)

    def statement_seconds(self) -> int:
        """Return how long one check may take: as long as a task."""
        return self.client_config.task_timeout_minutes * 60

    def work(self, context: Context) -> None:
        """Run the checks and push what became of each as XCom ``checks``.

        :raises ChecksViolatedError: checks of severity ``fail`` are violated; names all of them.
        :raises SqlScriptError: checks failed; names all of them.
        :raises SourceFileError: files cannot be read, or are no checks; names all of them.
        """
        checks = self._read()
        phase = cast("Phase", self.files[0].split("/")[0])
        hook = self.warehouse_hook(context)
        running = CheckPhase(
            hook.get_conn,
            settings=self.run_settings(context),
            guards=lambda name: self.table_guard(context, phase, name).check,
            sessions=self.client_config.db_max_conns,
        )
        with self.session(running):
            outcomes = running.run(checks)
        for outcome in outcomes:
            _log(outcome)
        self.outcomes = [plain(outcome) for outcome in outcomes]
        context["ti"].xcom_push(key=CHECKS_KEY, value=self.outcomes)
        _refuse(outcomes)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what was asserted of which table, to OpenLineage's provider, which alone asks."""
        if self.place is None:
            return None
        texts = self.sql if isinstance(self.sql, list) else [self.sql]
        by_name = dict(zip(self.files, texts, strict=True))
        return checks_lineage(
            self.place, [(text_of(by_name[found["check"]], found["check"]), found) for found in self.outcomes]
        )

    def _read(self) -> list[NamedCheck]:
        """Return the checks with the severity that counts; raises SourceFileError with a line for each bad file."""
        found, problems = [], []
        texts = self.sql if isinstance(self.sql, list) else [self.sql]
        for text, name in zip(texts, self.files, strict=True):
            try:
                check = parse_check(text_of(text, name), name)
            except SourceFileError as error:
                problems.append(str(error))
                continue
            severity = self.client_config.severity_of(name.removesuffix(".sql"), check.severity)
            found.append(NamedCheck(name, stage_of(name), replace(check, severity=severity)))
        if problems:
            raise SourceFileError("\n".join(problems))
        return found


def plain(outcome: CheckOutcome) -> dict[str, Any]:
    """Return an outcome for the XCom: no sample, whose rows may be personal data."""
    return {
        "check": outcome.name,
        "state": outcome.state,
        "severity": outcome.check.severity,
        "title": outcome.check.title,
        "violations": outcome.result.violations if outcome.result else 0,
        "columns": list(outcome.result.columns) if outcome.result else [],
        "seconds": outcome.seconds,
    }


def _refuse(outcomes: Sequence[CheckOutcome]) -> None:
    """Fail the task where a check stops the run; the message's first line names them all, the others say more."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    violated = [outcome for outcome in outcomes if outcome.stops and outcome.error is None]
    lines = [_line(outcome) for outcome in (*violated, *failed)]
    if not lines:
        return
    counted = [f"{len(found)} {what}" for found, what in ((violated, "violated"), (failed, "failed")) if found]
    heading = f"{' and '.join(counted)} of {len(outcomes)} checks: " + ", ".join(
        outcome.name.rpartition("/")[2].removesuffix(".sql") for outcome in (*violated, *failed)
    )
    message = lines[0] if len(lines) == 1 else "\n".join([heading, *lines])
    if violated:
        raise ChecksViolatedError(message, [_line(outcome) for outcome in violated])
    # Another try helps only where it can help all of them.
    cause = next((found.error for found in failed if found.error and classify(found.error) == "terminal"), None)
    raise SqlScriptError(message) from cause or failed[0].error


def _line(outcome: CheckOutcome) -> str:
    """Return what a person reads of a check that stops the run."""
    if isinstance(outcome.error, StatementError):
        return script_error_text(outcome.error, outcome.name)
    if outcome.error is not None:
        return f"{outcome.name}: {first_line(outcome.error)}"
    violations = outcome.result.violations if outcome.result else 0
    return f"{outcome.name}: {violations} rows violate: {outcome.check.title}"


def _log(outcome: CheckOutcome) -> None:
    figures = plain(outcome)
    if outcome.error is not None:
        log.error("check failed", error=first_line(outcome.error), **figures)
    elif outcome.result is None:
        log.warning("check not run: an earlier check stopped the run", **figures)
    elif outcome.result.missing:
        log.warning("check skipped: tables do not exist", missing=list(outcome.result.missing), **figures)
    elif not outcome.result.violations:
        log.info("check passed", **figures)
    else:
        write = log.info if outcome.check.severity == "info" else log.warning
        write("check violated", **figures)
        for line in sample_lines(outcome.result):
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
