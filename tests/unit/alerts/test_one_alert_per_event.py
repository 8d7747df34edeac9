"""Which events send which alert, and each of them once. The stack test sends the same messages for real."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing_aggregator.alerts import open_alerts
from billing_aggregator.alerts.callbacks import RunFailed, on_task_failure
from billing_aggregator.alerts.run_end import alert_run_end
from billing_aggregator.config import Alerts
from billing_aggregator.operators.sql_checks import ChecksViolatedError
from billing_aggregator.runs.summary import CheckOutcome
from tests.unit.alerts.situations import CONFIG, START, Variables, context, kinds, summary, value

if TYPE_CHECKING:
    import pytest

    from billing_aggregator.alerts.events import Event


def test_the_alert_of_a_failed_task_has_all_facts(sent: list[Event]) -> None:
    on_task_failure(context())
    (alert,) = sent
    assert alert.title == "[prod] enercity: billing run for 2026-11-20 failed in init / tripica/500_open_items"
    assert [fact.label for fact in alert.facts] == [
        "Client", "Environment", "Business date", "Run", "Impact", "Cause", "Task", "To do", "Runbook", "Log",
        "Run page",
    ]  # fmt: skip
    assert value(alert, "Business date") == "2026-11-20"
    assert value(alert, "Impact") == "nothing was published; readers have no list so far"
    assert value(alert, "Cause") == "ValueError: it broke"
    assert value(alert, "Task") == "init.tripica.500_open_items, try 3 of 3"


def test_the_first_failed_task_speaks_for_the_run(sent: list[Event]) -> None:
    on_task_failure(context())
    on_task_failure(context(task="init.tripica.500_payments"))
    RunFailed(CONFIG)(context(reason="task_failure"))
    assert kinds(sent) == ["task_failed"]


def test_one_alert_also_where_variables_are_slow(
    sent: list[Event], variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads when the first has all but written, and takes as long as the first to write."""
    writes, read = threading.Event(), threading.Event()
    get, put = variables.get, variables.set

    def slow_get(key: str, default: Any = None) -> Any:
        found = get(key, default)
        if threading.current_thread().name == "second":
            read.set()
        return found

    def slow_set(key: str, value: str, description: str | None = None) -> None:
        writes.set()
        time.sleep(0.4)
        read.wait()
        put(key, value, description)

    monkeypatch.setattr(variables, "get", slow_get)
    monkeypatch.setattr(variables, "set", slow_set)
    first = threading.Thread(target=on_task_failure, args=(context(task="init.tripica.1"),))
    second = threading.Thread(target=on_task_failure, args=(context(task="init.tripica.2"),), name="second")
    first.start()
    writes.wait()
    time.sleep(0.2)
    second.start()
    first.join()
    second.join()
    assert len(sent) == 1


def test_tasks_that_fail_at_the_same_moment_send_one_alert(sent: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_alerts, "SETTLE_SECONDS", 0.5)
    for attempt in range(5):
        start = threading.Barrier(4)

        def fail(number: int, start: threading.Barrier = start, attempt: int = attempt) -> None:
            start.wait()
            on_task_failure(context(run_id=f"run {attempt}", task=f"init.tripica.{number}"))

        threads = [threading.Thread(target=fail, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sent) == attempt + 1


def test_each_night_sends_its_alert(sent: list[Event]) -> None:
    on_task_failure(context("scheduled__1"))
    on_task_failure(context("scheduled__2"))
    assert len(sent) == 2


def test_a_cleared_run_or_task_that_fails_again_sends_an_alert_again(sent: list[Event]) -> None:
    on_task_failure(context())
    on_task_failure(context(start=START + timedelta(hours=1)))
    on_task_failure(context(start=START + timedelta(hours=1), try_number=4))
    assert len(sent) == 3


def test_a_run_that_timed_out_is_alerted_by_the_run_callback(sent: list[Event]) -> None:
    RunFailed(CONFIG)({"run_id": "manual__1", "reason": "timed_out"})
    (alert,) = sent
    assert alert.kind == "run_failed"
    assert "run_timeout_minutes" in value(alert, "Cause")


def test_a_stopped_task_sends_no_alert_but_one_that_timed_out_does(sent: list[Event]) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout

    on_task_failure(context(killed=True))
    assert sent == []
    on_task_failure(context(killed=True, exception=AirflowTaskTimeout("60 minutes")))
    assert kinds(sent) == ["task_failed"]


def test_without_an_exception_the_stored_error_is_the_cause(sent: list[Event]) -> None:
    """Airflow 3.2 gives none in ``airflow dags test``."""
    on_task_failure(context(exception=None, stored="init/a.sql, line 3: no"))
    assert value(sent[0], "Cause") == "init/a.sql, line 3: no"


def test_no_alert_without_channels(sent: list[Event], variables: Variables) -> None:
    on_task_failure(context(config=CONFIG.model_copy(update={"alerts": Alerts()})))
    assert sent == []
    assert variables.values == {}


def test_an_alert_is_sent_where_variables_cannot_be_reached(sent: list[Event], variables: Variables) -> None:
    variables.broken = True
    on_task_failure(context())
    assert kinds(sent) == ["task_failed"]


def test_one_process_sends_one_alert_without_variables(sent: list[Event], variables: Variables) -> None:
    """``airflow dags test`` calls the run's callback where Variables cannot be reached."""
    on_task_failure(context())
    variables.broken = True
    RunFailed(CONFIG)(context(reason="task_failure"))
    assert kinds(sent) == ["task_failed"]


def test_a_recovery_is_sent_once(sent: list[Event], manifest: dict[str, Any]) -> None:
    on_task_failure(context("scheduled__1"))
    on_task_failure(context("scheduled__2"))
    manifest |= {"run_id": "scheduled__3", "published_at": "2026-11-20T02:30:00+00:00"}
    alert_run_end(CONFIG, context("scheduled__3"), summary("scheduled__3"))
    manifest |= {"run_id": "scheduled__4"}
    alert_run_end(CONFIG, context("scheduled__4"), summary("scheduled__4"))
    assert kinds(sent) == ["task_failed", "task_failed", "recovered"]
    assert sent[-1].title == "[prod] enercity: billing run for 2026-11-20 recovered"
    assert value(sent[-1], "Recovered from").startswith("run scheduled__2 failed; first alert at ")


def test_a_failed_run_sends_no_recovery(sent: list[Event]) -> None:
    on_task_failure(context())
    alert_run_end(CONFIG, context(), summary(state="failed"))
    assert kinds(sent) == ["task_failed"]


def test_one_alert_for_all_warnings(sent: list[Event], manifest: dict[str, Any]) -> None:
    manifest |= {"run_id": "scheduled__1", "published_at": "2026-11-20T02:30:00+00:00"}
    checks = (
        CheckOutcome("audits.a", "warn", "all have a customer", 3),
        CheckOutcome("audits.b", "warn", "none is late", 0),
        CheckOutcome("audits.c", "info", "for information", 9),
        CheckOutcome("audits.d", "warn", "all add up", 1),
    )
    alert_run_end(CONFIG, context(), summary(checks=checks))
    (alert,) = sent
    assert alert.title == "[prod] enercity: billing run for 2026-11-20 has 2 check warnings"
    assert value(alert, "Checks") == "all have a customer: 3 (audits.a)\nall add up: 1 (audits.d)"


def test_all_violated_checks_are_in_the_alert(sent: list[Event]) -> None:
    lines = [f"audits/a/{number}.sql: 1 rows violate: it holds" for number in range(100, 125)]
    error = ChecksViolatedError("\n".join(["25 violated of 30 checks: 100, 101", *lines]), lines)
    on_task_failure(context(task="audits.a", exception=error))
    (alert,) = sent
    assert value(alert, "Cause") == "25 violated of 30 checks: 100, 101"
    assert value(alert, "Checks").splitlines() == [*lines[:20], "and 5 more"]


def test_a_single_violated_check_is_the_cause_alone(sent: list[Event]) -> None:
    line = "audits/a/100.sql: 1 rows violate: it holds"
    on_task_failure(context(task="audits.a", exception=ChecksViolatedError(line, [line])))
    (alert,) = sent
    assert value(alert, "Cause") == line
    assert "Checks" not in [fact.label for fact in alert.facts]


def test_a_dry_run_recovers_from_its_own_failure_only(sent: list[Event]) -> None:
    def dry(run_id: str) -> Any:
        found = context(run_id)
        found["dag_run"].conf = {"dry_run": True}
        return found

    on_task_failure(context("scheduled__1"))
    alert_run_end(CONFIG, dry("manual__2"), summary("manual__2", dry_run=True))
    assert kinds(sent) == ["task_failed"], "nothing was published"
    alert_run_end(CONFIG, context("scheduled__1"), summary("scheduled__1", first_published_at=START))
    assert kinds(sent) == ["task_failed", "recovered"]
    on_task_failure(dry("manual__3"))
    alert_run_end(CONFIG, dry("manual__3"), summary("manual__3", dry_run=True))
    assert kinds(sent)[2:] == ["task_failed", "recovered"]
