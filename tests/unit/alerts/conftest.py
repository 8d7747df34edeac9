"""Airflow's Variables, the manifest and the channels in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.alerts import callbacks, deadline, feed_alerts, open_alerts, run_end, run_facts
from tests.unit.alerts.situations import Variables

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    import airflow.sdk

    fake = Variables()
    monkeypatch.setattr(airflow.sdk, "Variable", fake, raising=False)
    monkeypatch.setattr(open_alerts, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(open_alerts, "_sent_by_this_process", {})
    return fake


@pytest.fixture
def manifest(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The published manifest: none, until a test fills it."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(run_facts, "read_manifest", lambda _: found or None)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, variables: Variables, manifest: dict[str, Any]) -> list[Event]:
    """Every event that is sent, without a wait for runs that are about to be stopped."""
    events: list[Event] = []
    monkeypatch.setattr(deadline, "STOP_GRACE_SECONDS", 0)
    monkeypatch.setattr(deadline, "was_published_before", lambda *_: False)
    for module in (callbacks, run_end, deadline, feed_alerts):
        monkeypatch.setattr(module, "send", lambda _, event: events.append(event))
    return events
