"""What operators do every day, under a real scheduler: the publication, history, messages and locks afterwards.

One story of one client, in the order of the tests; docs/runbook.md has the table of what is tried here.
"""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.faults.faulty_s3 import Fault
from tests.stack.house import DAG, House
from tests.stack.messages import parts
from tests.stack.stack import FINAL
from tests.survival import kill_points
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]
RECOVERY = "recovered"
CHUNK = "export.bookkeeper_results.chunk"
YESTERDAY = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=12) - timedelta(days=1)


def test_a_failed_chunk_reports_its_own_error(house: House) -> None:
    assert house.fails("first", Fault("upload part", 403, times=99)) == "failed"
    wait_for(house.titles, "the failure's mail")
    assert house.titles() == [
        "[local] operated: billing run for 2026-11-20 failed in export / bookkeeper_results/chunk"
    ]
    text, _ = parts(house.mail.mails[0])
    assert "AccessDenied" in text
    assert "Task:          export.bookkeeper_results.chunk, try 1 of 1" in text
    assert "/tasks/export.bookkeeper_results.chunk" in text
    chunk = house.log("first", CHUNK, index=0)
    assert "stopped from outside" not in chunk
    # The lines that alarms on the logs count.
    assert chunk.count("billing.operated.local.export_failed") == 1
    assert house.log("first", "finish").count("billing.operated.local.run_failed") == 1
    assert (house.published(), house.recorded("first"), house.locks()) == ("", "failed", [])


def test_a_failed_run_goes_on_from_its_failed_task(house: House) -> None:
    assert house.open_uploads() == 1, "nobody sees it, and the run needs it"
    house.stack.clear(DAG, house.runs["first"], CHUNK, downstream=True)
    assert house.ended("first") == "success"
    wait_for(lambda: len(house.titles()) == 2, "the recovery's mail")
    assert house.titles()[1] == "[local] operated: billing run for 2026-11-20 recovered"
    assert (house.published(), house.recorded("first"), house.locks()) == ("first", "success", [])
    assert house.open_uploads() == 0
    assert len(house.kept_days()) == 1


def test_one_cleared_task_of_a_good_run(house: House) -> None:
    house.stack.clear(DAG, house.runs["first"], "cleanup.sweep_uploads")
    assert house.ended("first") == "success"
    assert (house.published(), house.recorded("first"), house.locks()) == ("first", "success", [])


def test_a_good_run_that_is_cleared_publishes_again_and_was_not_late(house: House) -> None:
    before = house.query("select published_at from report_oibl.aggregator_runs")
    house.stack.clear(DAG, house.runs["first"])
    assert house.ended("first") == "success"
    assert (house.published(), house.recorded("first"), house.locks()) == ("first", "success", [])
    assert house.query("select published_at from report_oibl.aggregator_runs") == before
    assert len(house.titles()) == 2


def test_a_cleared_plan_replaces_the_uploads_of_the_one_before(house: House) -> None:
    assert house.fails("replanned", Fault("complete upload", 403, times=99)) == "failed"
    assert house.open_uploads() == 1
    assert house.published() == "first"
    house.stack.clear(DAG, house.runs["replanned"], "export.bookkeeper_results.plan", downstream=True)
    assert house.ended("replanned") == "success"
    assert (house.published(), house.open_uploads(), house.locks()) == ("replanned", 0, [])
    wait_for(lambda: len(house.titles()) == 4, "a failure and a recovery")


def test_an_older_day_is_published_when_somebody_chose_it(house: House) -> None:
    house.trigger("chosen", business_date=YESTERDAY.date().isoformat())
    assert house.ended("chosen") == "success"
    assert house.published() == "chosen"
    house.trigger("past", logical_date=YESTERDAY)
    assert house.ended("past") == "success"
    house.kept["past"] = house.stored_manifest()
    house.trigger("newest")
    assert house.ended("newest") == "success"
    assert house.published() == "newest"
    assert len(house.kept_days()) == 2


def test_an_older_run_does_not_replace_a_newer_day(house: House) -> None:
    house.trigger("older", logical_date=YESTERDAY - timedelta(days=1))
    assert house.ended("older") == "failed"
    assert (house.published(), house.recorded("older"), house.locks()) == ("newest", "failed", [])
    wait_for(lambda: len(house.titles()) == 5, "the refusal's mail")
    assert house.titles()[-1] == "[local] operated: billing run for 2026-11-20 failed in start"
    text, _ = parts(house.mail.mails[-1])
    assert "with the param business_date = " in text
    assert len(house.kept_days()) == 2


def test_a_whole_older_run_that_is_cleared_is_refused_before_it_rebuilds_its_day(house: House) -> None:
    house.stack.clear(DAG, house.runs["past"])
    assert house.ended("past") == "failed"
    wait_for(lambda: len(house.titles()) == 6, "the refusal's mail")
    text, _ = parts(house.mail.mails[-1])
    assert f"run {house.runs['newest']} has published business date" in text
    assert (house.published(), house.recorded("past"), house.locks()) == ("newest", "failed", [])
    assert house.task("past", "init.bookkeeper.010_results") == "upstream_failed"
    # The newest run's rows are still in the warehouse.
    house.stack.clear(DAG, house.runs["newest"], "history.bookkeeper.010_keeps", downstream=True)
    assert house.ended("newest") == "success"
    wait_for(lambda: len(house.titles()) == 7, "the recovery's mail")
    assert (house.published(), house.recorded("newest"), house.locks()) == ("newest", "success", [])


def test_one_cleared_task_of_an_older_run_publishes_nothing(house: House) -> None:
    house.stack.clear(DAG, house.runs["chosen"], "cleanup.sweep_uploads")
    assert house.ended("chosen") == "success"
    assert (house.published(), house.recorded("chosen"), house.locks()) == ("newest", "success", [])
    assert len(house.titles()) == 7


def test_an_older_run_is_refused_when_another_airflow_publishes_meanwhile(house: House) -> None:
    newest = house.stored_manifest()
    house.store_manifest(house.kept["past"])
    house.hold()
    house.trigger("overtaken", logical_date=YESTERDAY + timedelta(seconds=1))
    wait_for(house.holds, "the script waits")
    house.store_manifest(newest)
    house.go_on()
    assert house.ended("overtaken") == "failed"
    assert (house.published(), house.recorded("overtaken"), house.locks()) == ("newest", "failed", [])
    wait_for(lambda: len(house.titles()) == 8, "the refusal's mail")
    assert house.titles()[-1] == "[local] operated: billing run for 2026-11-20 failed in publish / publish"
    text, _ = parts(house.mail.mails[-1])
    assert f"run {house.runs['newest']} has published business date" in text


def test_a_task_that_would_use_the_rows_of_that_run_is_refused(house: House) -> None:
    house.stack.clear(DAG, house.runs["newest"], "history.bookkeeper.010_keeps", downstream=True)
    assert house.ended("newest") == "failed"
    wait_for(lambda: len(house.titles()) == 9, "the refusal's mail")
    text, _ = parts(house.mail.mails[-1])
    assert f"bookkeeper_results was built by run {house.runs['overtaken']}" in text, text
    assert (house.published(), house.recorded("newest"), house.locks()) == ("newest", "failed", [])
    assert len(house.kept_days()) == 2


def test_a_failed_run_that_is_set_to_success_is_not_reported_as_published(house: House) -> None:
    house.stack.mark(DAG, house.runs["overtaken"], "success")
    assert house.ended("overtaken") == "success"
    assert (house.published(), house.recorded("overtaken"), house.locks()) == ("newest", "failed", [])
    assert len(house.titles()) == 9


def test_a_publish_task_set_to_success_by_hand_is_not_reported_as_published(house: House) -> None:
    house.stack.mark(DAG, house.runs["older"], "success", "publish.publish")
    house.stack.clear(DAG, house.runs["older"], "finish")
    house.ended("older")
    wait_for(lambda: house.stack.state(DAG, house.runs["older"]) in FINAL, "the run's end")
    assert (house.published(), house.recorded("older"), house.locks()) == ("newest", "failed", [])
    assert not any(RECOVERY in title for title in house.titles()[9:])


def test_the_next_run_succeeds_and_recovers(house: House) -> None:
    house.trigger("next")
    assert house.ended("next") == "success"
    assert (house.published(), house.locks()) == ("next", [])
    wait_for(lambda: RECOVERY in house.titles()[-1], "the recovery's mail")


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_running_run_whose_state_is_set(house: House, state: str) -> None:
    shown, sent = house.published(), len(house.titles())
    house.hold()
    house.trigger("stopped")
    wait_for(house.holds, "the script waits")
    house.stack.mark(DAG, house.runs["stopped"], state)
    wait_for(lambda: not house.holds(), "its query has ended")
    house.go_on()
    # Airflow still runs the teardowns and then sets the run to success: skipped tasks count as success.
    house.ended("stopped")
    wait_for(lambda: house.recorded("stopped") != "running", "the last task")
    assert (house.published(), house.recorded("stopped"), house.locks()) == (shown, "failed", [])
    house.trigger("after")
    assert house.ended("after") == "success"
    assert (house.published(), house.locks()) == ("after", [])
    assert house.titles()[sent:] == []


def test_a_dag_that_is_paused_in_the_middle(house: House) -> None:
    house.hold()
    house.trigger("paused")
    wait_for(house.holds, "the script waits")
    house.stack.pause(DAG, True)
    house.go_on()
    wait_for(lambda: house.task("paused", "init.bookkeeper.020_holds") == "success", "the running task ends")
    assert house.published() == "after"
    house.stack.pause(DAG, False)
    assert house.ended("paused") == "success"
    assert (house.published(), house.recorded("paused"), house.locks()) == ("paused", "success", [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_a_scheduler_that_is_stopped_in_the_middle(house: House, number: signal.Signals) -> None:
    name = number.name
    house.hold()
    house.trigger(name)
    wait_for(house.holds, "the script waits")
    house.stack.stop("scheduler", number)
    wait_for(lambda: not house.holds(), "the task's query has ended with it")
    house.go_on()
    house.stack.start("scheduler")
    if house.ended(name) == "failed":
        house.stack.clear(DAG, house.runs[name], "init.bookkeeper.020_holds", downstream=True)
    assert house.ended(name) == "success"
    assert (house.published(), house.recorded(name), house.locks()) == (name, "success", [])


def test_tasks_that_are_killed_at_their_steps(house: House) -> None:
    """SIGKILL in the middle of an upload and behind the manifest: cleared from the task that died."""
    shown = house.published()
    kill_points.light(house.points, "behind completed upload 1", "behind manifest")
    house.trigger("shot")
    for _ in range(2):
        assert house.ended("shot") == "failed"
        assert house.published() in (shown, "shot")
        house.stack.clear(DAG, house.runs["shot"], "publish.publish", downstream=True)
    assert house.ended("shot") == "success"
    assert len(kill_points.fired(house.points)) == 2
    assert (house.published(), house.recorded("shot"), house.locks()) == ("shot", "success", [])
    assert house.open_uploads() == 0


def test_a_run_that_is_deleted(house: House) -> None:
    shown, days = house.published(), house.kept_days()
    for name in {"older", shown} & set(house.runs):
        house.stack.rest.call("DELETE", f"/api/v2/dags/{DAG}/dagRuns/{house.runs[name]}")
    assert (house.published(), house.kept_days(), house.locks()) == (shown, days, [])
    house.trigger("last")
    assert house.ended("last") == "success"
    assert house.published() == "last"
