"""Metrics through Airflow's own metrics (StatsD or OpenTelemetry; MWAA forwards them to CloudWatch).

Names are ``billing.<client>.<environment>.<metric>``, after Airflow's prefix: MWAA drops tags, so client and
environment are part of the name. Tags name phase and script, export or check: there are as many as files below
``include/sql``, and they do not grow with runs, days or rows. docs/alerts.md lists the metrics.

Counters are events, so each is a line of the log as well, with its whole name: CloudWatch's metric filters
(terraform/modules/alarms) count those lines, in whatever form a process writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

log = structlog.get_logger(__name__)

METRICS: dict[str, tuple[Literal["timing", "incr", "gauge"], str]] = {
    "run_seconds": ("gauge", "seconds from the run's start to its last task"),
    "run_success": ("incr", "runs that succeeded"),
    "run_failed": ("incr", "runs that failed"),
    "rows": ("gauge", "rows of one export of the last run; tag export"),
    "files": ("gauge", "files of the last run"),
    "bytes": ("gauge", "bytes of the last run"),
    "script_seconds": ("gauge", "seconds of one script of the last run; tags phase, script"),
    "check_violations": ("gauge", "rows that violate one check in the last run; tag check"),
    "published": ("incr", "publications that readers can see; a repeated task counts again"),
    "export_failed": ("incr", "tries of an export's tasks or of publishing that failed"),
    "deadline_missed": ("incr", "runs that were not published in time"),
    "feed_events": ("incr", "events that a feed has taken; tag feed, as all below"),
    "feed_repeated": ("incr", "events that came again, with the same payload"),
    "feed_rejected": ("incr", "messages that were no events, or conflict with one"),
    "feed_lost": ("incr", "messages that the topic lost before they were taken, and somebody accepted"),
    "feed_lag_messages": ("gauge", "messages that are not taken yet"),
    "feed_lag_seconds": ("gauge", "seconds that the oldest message of the last batch had waited"),
    "feed_outbox_seconds": ("gauge", "seconds that the oldest unsent row of the outbox has waited"),
    "feed_sent": ("incr", "rows of the outbox that were published"),
    "feed_posted": ("gauge", "totals of the invoices that a run of the feed has published; tag currency"),
    "alert_failed": ("incr", "messages that could not be sent; tag channel"),
}


def emit(config: ClientConfig, metric: str, value: float, **tags: str) -> None:
    """Send one of :data:`METRICS`; metrics never fail a task."""
    kind = METRICS[metric][0]
    name = f"billing.{config.client}.{config.environment}.{metric}"
    if kind == "incr":
        log.info("counted", metric=name, value=int(value), **tags)
    try:
        from airflow.sdk.observability import stats

        # Airflow 3.3 has functions in the module, 3.2 a class that it replaces at startup: looked up at each call.
        send = getattr(stats, kind, None) or getattr(stats.Stats, kind)
        send(name, value if kind != "incr" else int(value), tags=tags)
    except Exception as error:  # whatever the metrics backend raises
        log.debug("metric not sent", metric=name, reason=type(error).__name__)
