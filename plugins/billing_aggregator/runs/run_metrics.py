"""A run's figures as metrics; :mod:`billing_aggregator.observe.metrics` lists and sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.observe import metrics

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.summary import RunSummary


def emit_run(config: ClientConfig, summary: RunSummary) -> None:
    """Send a run's figures; never fails."""
    metrics.emit(config, "run_success" if summary.state == "success" else "run_failed", 1)
    metrics.emit(config, "run_seconds", summary.seconds)
    if not summary.dry_run:  # these tell what was published
        metrics.emit(config, "files", summary.files)
        metrics.emit(config, "bytes", summary.bytes)
        for export in summary.exports:
            metrics.emit(config, "rows", export.rows, export=export.name)
    for check in summary.checks:
        metrics.emit(config, "check_violations", check.violations, check=check.task)
