"""The last task when the warehouse cannot be reached: the messages are sent anyway, once."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config import ClientConfig
from billing_aggregator.operators.finish_run import FinishRunOperator
from billing_aggregator.runs import Run, RunSummary

RUN = Run("enercity", "local", "airflow#1", "billing", "manual__1")
NIGHT = datetime(2026, 11, 20, tzinfo=UTC)
SUMMARY = RunSummary(
    run=RUN, business_date="2026-11-20", dry_run=False, state="success", started_at=NIGHT, ended_at=NIGHT
)


class Lost(psycopg.OperationalError):
    """A session that the server has ended."""

    sqlstate = "57P01"


class Refused(psycopg.errors.InsufficientPrivilege):
    """A terminal error."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages that were sent; only the warehouse is missing."""
    events: list[str] = []
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    monkeypatch.setattr(FinishRunOperator, "bind_log", lambda *_: None)
    monkeypatch.setattr(FinishRunOperator, "summary", lambda *_: SUMMARY)
    monkeypatch.setattr(FinishRunOperator, "_tell", lambda *_: events.append("sent"))
    return events


def finish(error: Exception | None, try_number: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    def record(_self: Any, _context: Any, summary: RunSummary) -> RunSummary:
        if error is not None:
            raise error
        return summary

    monkeypatch.setattr(FinishRunOperator, "_record", record)
    config = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")
    operator = FinishRunOperator(task_id="finish", client_config=config, retries=2)
    context: Any = {"ti": SimpleNamespace(try_number=try_number, xcom_push=lambda **_: None)}
    return operator.execute(context)


def test_alerts_are_sent_after_the_run_is_recorded(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert finish(None, 1, monkeypatch) == SUMMARY.to_json()
    assert sent == ["sent"]


def test_a_try_that_will_be_retried_sends_nothing(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for try_number in (1, 2):
        with pytest.raises(Lost):
            finish(Lost("terminating connection"), try_number, monkeypatch)
    assert sent == []


def test_the_last_try_sends_the_alerts(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Lost):
        finish(Lost("terminating connection"), 3, monkeypatch)
    assert sent == ["sent"]


def test_a_terminal_error_sends_the_alerts_at_once(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException):
        finish(Refused("permission denied for table aggregator_runs"), 1, monkeypatch)
    assert sent == ["sent"]
