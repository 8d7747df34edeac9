"""The alerts of a run's last task: checks warned, the run was published late, or it recovered from a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.channels import channels, send
from billing_aggregator.alerts.deadline import deadline_event
from billing_aggregator.alerts.events import Event, Fact, count, event
from billing_aggregator.alerts.run_facts import RunFacts, impact, published_at, run_facts
from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.summary import RunSummary

MAX_WARNINGS = 20

log = structlog.get_logger(__name__)


def alert_run_end(config: ClientConfig, context: Any, summary: RunSummary) -> None:
    """Send the alerts that are due at the end of a run; never raises."""
    try:
        run = run_facts(config, context.get("dag_run"), summary.run.run_id)
        _alert_warnings(config, run, summary, str(context["ti"].log_url))
        if summary.state == "success":
            _alert_success(config, run, summary)
    except Exception as error:  # an alert never changes a run's outcome
        log.error("alert failed", reason=first_line(error))


def _alert_success(config: ClientConfig, run: RunFacts, summary: RunSummary) -> None:
    """Resolve the open alert. Send either that the run was late or, if there was an alert, that it recovered."""
    alerted = open_alerts.alerted(config.dag_id, run.attempt)
    late = lateness(config, run, summary.first_published_at)
    # A dry run publishes nothing, so it recovers from nothing but its own failure.
    own = run.run_id if summary.dry_run else None
    resolved = open_alerts.resolve(config.dag_id, run.business_date, only_of=own)
    if late is not None and alerted != "deadline":
        # Airflow without deadlines (3.2, `airflow dags test`), or a run that its scheduler started too late. The
        # message says that the run has succeeded, so no recovery follows.
        send(config, deadline_event(config, run, f"finished {hours_and_minutes(late)} late", earlier=resolved))
    elif resolved is not None and channels(config):
        send(config, _recovered(config, run, summary, resolved))


def lateness(config: ClientConfig, run: RunFacts, first: datetime | None = None) -> timedelta | None:
    """Return how long after its deadline the run was published; None when it was in time or has no deadline.

    The publication counts, not the run's end: history and cleanup concern no reader. A run that is cleared and
    published again counts by its first publication.

    :param first: when the run was published for the first time; None: unknown.
    """
    due = due_at(config, run)
    if due is None:
        return None
    if first is not None and run.started is not None and first < run.started:
        return None
    late = (first or published_at(config, run.run_id) or datetime.now(UTC)) - due
    return late if late > timedelta(0) else None


def due_at(config: ClientConfig, run: RunFacts) -> datetime | None:
    """Return when the run must be published (UTC); None where it need not be: no deadline, or a dry run."""
    if config.deadline_minutes is None or run.dry_run:
        return None
    return run.due_from + timedelta(minutes=config.deadline_minutes)


def hours_and_minutes(span: timedelta) -> str:
    """Return a span as ``1 h 5 min``, at least one minute."""
    total = max(1, round(span.total_seconds() / 60))
    hours, rest = divmod(total, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _recovered(config: ClientConfig, run: RunFacts, summary: RunSummary, resolved: open_alerts.OpenAlert) -> Event:
    facts = [
        Fact("Impact", impact(config, run.run_id)),
        Fact("Recovered from", resolved.problem),
        Fact("Rows", f"{count(summary.rows, 'row')} in {count(summary.files, 'file')}"),
    ]
    return event("recovered", config, run, "recovered", facts)


def _alert_warnings(config: ClientConfig, run: RunFacts, summary: RunSummary, log_url: str) -> None:
    """Send one message for all checks of the run that warn."""
    warned = summary.warnings
    if not warned or not channels(config):
        return
    lines = [f"{check.title}: {check.violations} ({check.task})" for check in warned[:MAX_WARNINGS]]
    if len(warned) > MAX_WARNINGS:
        lines.append(f"and {len(warned) - MAX_WARNINGS} more")
    facts = [Fact("Impact", impact(config, run.run_id)), Fact("Checks", "\n".join(lines))]
    what = f"has {count(len(warned), 'check warning')}"
    send(config, event("checks_warned", config, run, what, facts, log_url=log_url))
