"""Runs that are not published in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.alerts import deadline
from billing_aggregator.alerts.callbacks import RunFailed, on_task_failure
from billing_aggregator.alerts.run_end import alert_run_end
from billing_aggregator.config import ClientConfig
from tests.unit.alerts.situations import CONFIG, START, as_json, context, kinds, summary, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.alerts.events import Event

PUBLISHED = {"in time": ("2026-11-20T04:00:00+00:00", []), "late": ("2026-11-20T04:01:00+00:00", ["deadline_missed"])}


@pytest.mark.parametrize("case", PUBLISHED)
def test_the_last_task_checks_the_deadline(case: str, sent: list[Event], manifest: dict[str, Any]) -> None:
    when, expected = PUBLISHED[case]
    manifest |= {"run_id": "scheduled__1", "published_at": when}
    alert_run_end(CONFIG, context(), summary())
    assert kinds(sent) == expected


def test_a_late_dry_run_sends_no_alert(sent: list[Event]) -> None:
    alert_run_end(CONFIG.model_copy(update={"dry_run": True}), context(), summary())
    assert sent == []


def missed(state: str = "running", conf: dict[str, Any] | None = None) -> str:
    dag_run = {
        "dag_run_id": "scheduled__1", "state": state, "conf": conf or {}, "logical_date": START.isoformat(),
        "run_after": START.isoformat(), "start_date": START.isoformat(),
    }  # fmt: skip
    return asyncio.run(deadline.deadline_missed(as_json(CONFIG), {"dag_run": dag_run}))


def test_a_missed_deadline_is_alerted_once_and_recovers(sent: list[Event], manifest: dict[str, Any]) -> None:
    assert missed() == "alerted"
    assert missed() == "the run was alerted"
    manifest |= {"run_id": "scheduled__1", "published_at": "2026-11-20T05:00:00+00:00"}
    alert_run_end(CONFIG, context(), summary())
    assert kinds(sent) == ["deadline_missed", "recovered"]
    assert value(sent[0], "Deadline") == "120 minutes after 2026-11-20 02:00 UTC"


def test_a_late_run_that_fails_sends_a_second_alert(sent: list[Event]) -> None:
    missed()
    on_task_failure(context())
    assert kinds(sent) == ["deadline_missed", "task_failed"]


def failed_and_late(_: dict[str, Any]) -> str:
    on_task_failure(context())
    return missed()


NO_ALERT: dict[str, Callable[[dict[str, Any]], str]] = {
    "the run has succeeded": lambda _: missed("success"),
    "the run has failed": lambda _: missed("failed"),
    "a dry run": lambda _: missed(conf={"dry_run": True}),
    "it is published": lambda found: (
        found.update(run_id="scheduled__1", published_at="2026-11-20T03:00:00+00:00"),
        missed(),
    )[1],
    "it was alerted": failed_and_late,
}


@pytest.mark.parametrize("case", NO_ALERT)
def test_no_deadline_alert_when(case: str, sent: list[Event], manifest: dict[str, Any]) -> None:
    assert NO_ALERT[case](manifest) not in ("alerted", "failed")
    assert "deadline_missed" not in kinds(sent)


def test_nothing_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "STOP_GRACE_SECONDS", 0)
    on_task_failure({})
    RunFailed(CONFIG)({})
    alert_run_end(CONFIG, {}, summary())
    assert asyncio.run(deadline.deadline_missed({}, {})) == "failed"
    assert asyncio.run(deadline.deadline_missed(as_json(CONFIG), {"dag_run": 1})) == "failed"


STOPPED_AT = {
    "both by default": ({}, True),
    "both as written": ({"deadline_minutes": 45, "run_timeout_minutes": 45}, True),
    "the deadline as the default": ({"deadline_minutes": 120}, True),
    "the time-out as the default": ({"run_timeout_minutes": 120}, True),
    "later": ({"deadline_minutes": 119}, False),
}


@pytest.mark.parametrize("case", STOPPED_AT)
def test_the_deadline_alert_waits_for_a_run_that_is_stopped_at_its_deadline(
    case: str, sent: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's failure is the message then."""
    values, waits = STOPPED_AT[case]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    config = ClientConfig.model_validate(as_json(CONFIG) | values)
    asyncio.run(
        deadline.deadline_missed(as_json(config), {"dag_run": {"dag_run_id": "scheduled__1", "state": "running"}})
    )
    assert slept == ([deadline.STOP_GRACE_SECONDS] if waits else [])
