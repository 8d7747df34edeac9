"""Only the first publication of a run can be late, and an older run does not resolve the alert of a newer one."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.alerts import deadline
from billing_aggregator.alerts.callbacks import on_task_failure
from billing_aggregator.alerts.run_end import alert_run_end
from tests.unit.alerts.situations import CONFIG, START, Variables, context, kinds, summary
from tests.unit.alerts.test_deadline import missed

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event

NOW = START + timedelta(hours=55)
# The deadline is two hours after START: when the run was published first, when this attempt started, what is sent.
FIRST = {
    "in time, cleared two days later": (START + timedelta(hours=1), NOW, []),
    "in time, its history was continued later": (START + timedelta(minutes=110), NOW, []),
    "late, alerted then, cleared two days later": (START + timedelta(hours=3), NOW, []),
    "late for the first time": (START + timedelta(hours=3), START, ["deadline_missed"]),
    "failed in its night, published two days later": (NOW + timedelta(minutes=5), NOW, ["deadline_missed"]),
    "in time": (START + timedelta(hours=1), START, []),
}


@pytest.mark.parametrize("case", FIRST)
def test_the_first_publication_decides(case: str, sent: list[Event], manifest: dict[str, Any]) -> None:
    first, start, expected = FIRST[case]
    manifest |= {"run_id": "scheduled__1", "published_at": (NOW + timedelta(minutes=5)).isoformat()}
    alert_run_end(CONFIG, context(start=start), summary(first_published_at=first))
    assert kinds(sent) == expected


@pytest.mark.parametrize("kind", ["manual", "backfill"])
def test_a_run_that_is_started_later_by_hand_is_not_late(kind: str, sent: list[Event]) -> None:
    """Airflow dates a backfill, and a manual run for an earlier day, back to that day."""
    started = context(start=NOW)
    started["dag_run"] = SimpleNamespace(conf={}, logical_date=START, run_after=START, start_date=NOW, run_type=kind)
    alert_run_end(CONFIG, started, summary(first_published_at=NOW + timedelta(minutes=5)))
    assert sent == []


def test_the_triggerer_sends_no_alert_for_a_run_that_was_published_before(
    sent: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest names a newer run by now."""
    monkeypatch.setattr(deadline, "was_published_before", lambda *_: True)
    assert missed() == "the run was published before"
    assert sent == []


def test_an_older_run_does_not_resolve_a_newer_failure(sent: list[Event], variables: Variables) -> None:
    older = context("scheduled__1")
    newer = context("scheduled__2", start=START + timedelta(days=1))
    newer["dag_run"].logical_date = START + timedelta(days=1)
    on_task_failure(older)
    on_task_failure(newer)
    alert_run_end(CONFIG, older, summary("scheduled__1", first_published_at=START))
    assert kinds(sent) == ["task_failed", "task_failed"]
    assert len(variables.values) == 1, "the newer failure is still open"
    newer["dag_run"].run_after = START + timedelta(days=1)
    alert_run_end(CONFIG, newer, summary("scheduled__2", first_published_at=START + timedelta(days=1)))
    assert kinds(sent)[2:] == ["recovered"]
    assert variables.values == {}
