"""What a run shows of itself while it works: log lines with their context, and metrics."""

from billing_aggregator.observe.logs import bind, phase_and_script
from billing_aggregator.observe.metrics import emit

__all__ = ["bind", "emit", "phase_and_script"]
