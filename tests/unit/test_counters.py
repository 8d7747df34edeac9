"""Counters are lines of the log: alarms on the logs count them (terraform/modules/alarms)."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from billing_aggregator.config import ClientConfig
from billing_aggregator.observe import metrics

CONFIG = ClientConfig(client="q-cells", environment="prod", s3_bucket="bucket")


@pytest.mark.parametrize("name", [name for name, (kind, _) in metrics.METRICS.items() if kind == "incr"])
def test_a_counter_is_a_line_with_its_whole_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with capture_logs() as lines:
        # A logger that was used before keeps its own processors and level.
        monkeypatch.setattr(metrics, "log", structlog.wrap_logger(None, wrapper_class=structlog.stdlib.BoundLogger))
        metrics.emit(CONFIG, name, 1)
    expected = {"event": "counted", "log_level": "info", "metric": f"billing.q-cells.prod.{name}", "value": 1}
    assert lines == [expected]


def test_a_gauge_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as lines:
        monkeypatch.setattr(metrics, "log", structlog.wrap_logger(None, wrapper_class=structlog.stdlib.BoundLogger))
        metrics.emit(CONFIG, "run_seconds", 90)
    assert lines == []
