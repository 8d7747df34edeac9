"""What a run's last task tells: that checks warned, that it was late, that it is well again after a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.callbacks import run_lines
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.deadline import late_event
from billing_aggregator.alerts.events import Fact, count, event
from billing_aggregator.alerts.run_facts import RunFacts, published, published_at, run_facts
from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.summary import RunSummary

MAX_WARNINGS = 20

log = structlog.get_logger(__name__)


def close_run(config: ClientConfig, context: Any, summary: RunSummary) -> None:
    """Send what is left to tell of a run that has ended; never raises."""
    try:
        run = run_facts(config, context.get("dag_run"), summary.run.run_id)
        _warned(config, run, summary, str(context["ti"].log_url))
        if summary.state == "success":
            _succeeded(config, run, summary)
    except Exception as error:  # a message must never change what happens to the run
        log.error("alert failed", reason=first_line(error))


def _succeeded(config: ClientConfig, run: RunFacts, summary: RunSummary) -> None:
    told = open_alerts.told_in(config.dag_id, run.attempt)
    late = lateness(config, run, summary.first_published_at)
    if late is not None and told != "deadline":
        # Airflow without deadlines (3.2, `airflow dags test`), or a run that its scheduler made too late. The message
        # says that the run has ended well: nothing stays open, and no recovery follows.
        before = open_alerts.resolve(config.dag_id, run.business_date)
        send(config, late_event(config, run, f"finished {minutes(late)} late", before))
        return
    before = open_alerts.resolve(config.dag_id, run.business_date)
    if before is not None and channels(config):
        send(config, _recovered(config, run, summary, before))


def lateness(config: ClientConfig, run: RunFacts, first: datetime | None = None) -> timedelta | None:
    """Return how long after its deadline the run was published; None when it was in time or has no deadline.

    The publication counts, not the run's end: history and cleanup concern no reader. And it is the first one that
    counts: a run that was published, and is cleared and published again, was late at its first publication or never.

    :param first: when the run was published for the first time; None: that is not known.
    """
    if config.deadline_minutes is None or run.dry_run:
        return None
    if first is not None and run.started is not None and first < run.started:
        return None
    due = run.due_from + timedelta(minutes=config.deadline_minutes)
    late = (first or published_at(config, run.run_id) or datetime.now(UTC)) - due
    return late if late > timedelta(0) else None


def minutes(span: timedelta) -> str:
    """Return a span as ``1 h 5 min``, at least one minute."""
    total = max(1, round(span.total_seconds() / 60))
    hours, rest = divmod(total, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _recovered(config: ClientConfig, run: RunFacts, summary: RunSummary, before: open_alerts.OpenAlert) -> Any:
    problem = "missed its deadline" if before.kind == "deadline_missed" else "failed"
    facts = [
        *run_lines(run),
        Fact("Before", f"run {before.run_id} {problem}; the first alert was at {before.since}"),
        Fact("Published", published(config, run.run_id)),
        Fact("Rows", f"{count(summary.rows, 'row')} in {count(summary.files, 'file')}"),
        Fact("Run page", "run in Airflow", run.url),
    ]
    return event("recovered", config, "billing run is well again", facts)


def _warned(config: ClientConfig, run: RunFacts, summary: RunSummary, log_url: str) -> None:
    """Send one message for all checks of the run that warn."""
    warned = summary.warnings
    if not warned or not channels(config):
        return
    lines = [f"{check.title}: {check.violations} ({check.task})" for check in warned[:MAX_WARNINGS]]
    if len(warned) > MAX_WARNINGS:
        lines.append(f"and {len(warned) - MAX_WARNINGS} more")
    count = "1 check warns" if len(warned) == 1 else f"{len(warned)} checks warn"
    facts = [
        *run_lines(run),
        Fact("Checks", "\n".join(lines)),
        Fact("Published", published(config, run.run_id)),
        Fact("Log", "log of the last task", log_url),
        Fact("Run page", "run in Airflow", run.url),
    ]
    send(config, event("checks_warned", config, count, facts))
