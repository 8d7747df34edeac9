"""A feed runs all day: one alert when it cannot work, one when it works again, few warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.alerts.feed_alerts import FeedFailed, alert_feed_end, on_feed_task_failure
from billing_aggregator.feeds.kafka.errors import GapError
from tests.unit.alerts.situations import CONFIG, context, kinds, value

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event
    from tests.unit.alerts.situations import Variables


def task_failed(run_id: str, error: Exception | None = None) -> None:
    given = context(run_id, task="stream", exception=error or GapError("orders: 4 messages were deleted"))
    given["task"].feed = "orders"
    on_feed_task_failure(given)


def run_ends(run_id: str, *, failed: bool = False, **warnings: int) -> None:
    given: dict[str, Any] = context(run_id, task="finish")
    alert_feed_end(CONFIG, "orders", given, warnings, failed=failed)


def test_a_feed_that_fails_again_and_again_sends_one_alert_until_it_works(sent: list[Event]) -> None:
    for number in range(3):
        task_failed(f"run{number}")
        run_ends(f"run{number}", failed=True)
    assert kinds(sent) == ["feed_failed"]
    assert sent[0].title.endswith("feed orders cannot work")
    assert value(sent[0], "Cause") == "orders: 4 messages were deleted"
    run_ends("run4")
    run_ends("run5")
    assert kinds(sent) == ["feed_failed", "feed_recovered"]
    task_failed("run6")
    assert kinds(sent) == ["feed_failed", "feed_recovered", "feed_failed"]


def test_a_run_that_timed_out_is_a_feed_that_cannot_work(sent: list[Event]) -> None:
    FeedFailed(CONFIG, "orders")({"run_id": "run1", "reason": "timed_out"})
    task_failed("run2")
    assert kinds(sent) == ["feed_failed"]
    assert "run_timeout_minutes" in value(sent[0], "Cause")


def test_the_night_and_its_feed_have_alerts_of_their_own(sent: list[Event], variables: Variables) -> None:
    task_failed("run1")
    (name,) = variables.values
    assert name == f"billing_alert__{CONFIG.feed_dag_id('orders')}"


def test_warnings_are_told_when_they_are_new_or_twice_as_many(sent: list[Event]) -> None:
    run_ends("run1", rejected=3)
    run_ends("run2", rejected=4)
    assert [value(event, "Found") for event in sent] == ["rejected: 3"]
    run_ends("run3", rejected=6)
    run_ends("run4", rejected=6, waiting=1)
    assert [value(event, "Found") for event in sent[1:]] == ["rejected: 6", "rejected: 6\nwaiting: 1"]
    run_ends("run5")
    run_ends("run6", rejected=1)
    assert kinds(sent) == ["feed_warned"] * 4


def test_nothing_raises_without_variables(sent: list[Event], variables: Variables) -> None:
    variables.broken = True
    run_ends("run1", rejected=1)
    assert kinds(sent) == ["feed_warned"]
