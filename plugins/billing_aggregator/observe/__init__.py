"""Logs and metrics of a run: log lines with their context, figures for StatsD or OpenTelemetry."""

from billing_aggregator.observe.logs import bind, phase_and_script
from billing_aggregator.observe.metrics import emit

__all__ = ["bind", "emit", "phase_and_script"]
