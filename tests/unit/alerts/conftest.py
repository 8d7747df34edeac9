"""Airflow's Variables, the manifest and the channels in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.alerts import callbacks, closing, facts, late, ledger
from tests.unit.alerts.situations import Variables

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    import airflow.sdk

    fake = Variables()
    monkeypatch.setattr(airflow.sdk, "Variable", fake, raising=False)
    monkeypatch.setattr(ledger, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(ledger, "_told_here", {})
    return fake


@pytest.fixture
def manifest(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What S3 has: nothing, until a test puts something there."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(facts, "read_manifest", lambda _: found or None)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, variables: Variables, manifest: dict[str, Any]) -> list[Event]:
    """Every event that is sent; nobody waits for a run that is about to be stopped."""
    events: list[Event] = []
    monkeypatch.setattr(late, "STOP_GRACE_SECONDS", 0)
    monkeypatch.setattr(late, "published_before", lambda *_: False)
    for module in (callbacks, closing, late):
        monkeypatch.setattr(module, "send", lambda _, event: events.append(event))
    return events
