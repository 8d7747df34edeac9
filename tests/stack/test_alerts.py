"""What arrives when something goes wrong, under a real scheduler, triggerer and dag processor.

All clients run at the same time on one stack; each fails in its own way, and each test looks at its client only.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
import pytest

from tests.conftest import ROOT
from tests.stack.messages import parts, shown_mail, shown_post
from tests.stack.night import OTHER, Night
from tests.stack.project import CLIENTS, dag_id
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]


def test_worker_killed(night: Night) -> None:
    """Kill -9: the task's callback does not run, the run's own sends the alert; the query ends with its client."""
    slow = (
        "select client_port from pg_stat_activity where query like '%pg_sleep%' and application_name like 'bda:killed%'"
    )
    port = wait_for(lambda: night.query("killed", slow), "the slow script runs")[0][0]
    for process in psutil.process_iter():
        try:
            if (
                any(c.laddr and c.laddr.port == port for c in process.net_connections("tcp"))
                and "postgres" not in process.name()
            ):
                process.kill()
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    wait_for(lambda: not night.query("killed", slow), "the killed task's query has ended")
    assert night.ended("killed") == "failed"
    assert night.wait_titles("killed", 1) == ["[local] killed: billing run for 2026-11-20 failed"]
    text, _ = parts(night.mail.to("killed")[0])
    assert "init.bookkeeper.020_slow" in text


def test_failure(night: Night) -> None:
    """Two scripts fail at the same moment: one message, with all that a reader needs and nothing confidential."""
    assert night.ended("failing") == "failed"
    (title,) = night.wait_titles("failing", 1)
    assert title.startswith("[local] failing: billing run for 2026-11-20 failed in init / bookkeeper/020_bad_")
    text, html = parts(night.mail.to("failing")[0])
    blocks = json.dumps(night.slack.to("failing")[0]["blocks"])
    for shown in (text, html, blocks):
        for expected in (
            "failing",
            "local",
            "bookkeeper/020_bad_",
            "nothing was published; readers have no list so far",
            "1 of 2",
        ):
            assert expected in shown, shown
        assert "/dags/billing_data_aggregator_failing_local/runs/" in shown
        assert "https://docs.example.com/runbook#a-task-failed" in shown
        assert "Mustermann" not in shown
        assert "geheim" not in shown


def test_failure_then_recovery(night: Night) -> None:
    night.wait_titles("failing", 1)
    with psycopg.connect(night.server.dsn("octopus_failing"), autocommit=True) as admin:
        admin.execute("create table public.fixed ()")
    run_id = night.stack.trigger(dag_id("failing"))
    assert night.stack.ended(dag_id("failing"), run_id) == "success"
    assert night.wait_titles("failing", 2)[1:] == ["[local] failing: billing run for 2026-11-20 recovered"]
    text, _ = parts(night.mail.to("failing")[1])
    assert night.runs["failing"] in text
    states = "select state from report_oibl.aggregator_runs order by started_at"
    assert night.query("failing", states) == [("failed",), ("success",)]
    assert night.query("failing", "select count(*) from report_oibl.aggregator_claims") == [(0,)]


def test_retry_then_success(night: Night) -> None:
    assert night.ended("retrying") == "success"
    tasks = night.stack.tasks(dag_id("retrying"), night.runs["retrying"])
    assert tasks["init.bookkeeper.020_deadlock"]["try_number"] == 2
    assert night.titles("retrying") == []


def test_warning(night: Night) -> None:
    assert night.ended("warning") == "success"
    assert night.wait_titles("warning", 1) == ["[local] warning: billing run for 2026-11-20 has 1 check warning"]
    text, _ = parts(night.mail.to("warning")[0])
    assert "every posting has a document: 3 (prechecks.bookkeeper.100_links)" in text
    assert re.search(r"^Impact: +published at .*; readers see the list of ", text, re.MULTILINE)


def test_logs_are_structured(night: Night) -> None:
    """At DEBUG the script's text and its notices are logged; each line names its run."""
    assert night.ended("warning") == "success"
    lines = {line["event"]: line for line in night.lines("warning", "init.bookkeeper.020_says")}
    done = lines["script done"]
    assert (done["client"], done["environment"], done["phase"]) == ("warning", "local", "init")
    assert (done["run_id"], done["script"]) == (night.runs["warning"], "bookkeeper/020_says")
    assert {"business_date", "rows", "seconds"} <= set(done)
    assert lines["server notice"]["message"] == "seven rows left over"
    assert "seven rows" in lines["script text"]["sql"]
    assert night.ended("retrying") == "success"
    quiet = night.lines("retrying", "init.bookkeeper.020_deadlock", attempt=2)
    assert "nextval" not in json.dumps(quiet)


def test_another_deployment_holds_the_lock(night: Night) -> None:
    assert night.ended("held") == "failed"
    assert night.wait_titles("held", 1) == ["[local] held: billing run for 2026-11-20 failed in start"]
    text, _ = parts(night.mail.to("held")[0])
    assert OTHER.run_id in text
    assert OTHER.deployment in text
    tasks = night.stack.tasks(dag_id("held"), night.runs["held"])
    assert tasks["start"]["try_number"] == 1
    assert night.query("held", "select deployment from report_oibl.aggregator_claims") == [(OTHER.deployment,)]


def test_notifiers_broken(night: Night) -> None:
    """A closed mail port and a missing Slack connection: the run ends as usual, each is logged once."""
    assert night.ended("broken") == "failed"
    tasks = night.stack.tasks(dag_id("broken"), night.runs["broken"])
    assert tasks["init.bookkeeper.020_missing"]["state"] == "failed"
    assert tasks["init.bookkeeper.020_missing"]["try_number"] == 1
    assert tasks["finish"]["state"] == "success"
    assert night.titles("broken") == []
    lines = night.lines("broken", "init.bookkeeper.020_missing")
    assert sorted(line["channel"] for line in lines if line["event"] == "alert not sent") == ["email", "slack"]
    errors = json.dumps(lines)
    assert "init/bookkeeper/broken/020_missing.sql, line 4" in errors
    assert "select * from report_oibl.nowhere" in errors


def test_deadline_missed_then_done(night: Night) -> None:
    """The triggerer alerts while the run is still going; its end sends the recovery."""
    if not night.stack.keeps_deadlines():
        wait_for(lambda: datetime.now(UTC) > night.triggered + timedelta(seconds=65), "the deadline has passed")
        night.go_on("late")
        assert night.ended("late") == "success"
        (title,) = night.wait_titles("late", 1)
        assert title.startswith("[local] late: billing run for 2026-11-20 finished ")
        return
    late = "[local] late: billing run for 2026-11-20 is late"
    assert night.wait_titles("late", 1)[0] == late
    night.go_on("late")
    text, _ = parts(night.mail.to("late")[0])
    assert "init.bookkeeper.020_slow (running)" in text
    assert "not published yet" in text
    assert night.ended("late") == "success"
    assert night.wait_titles("late", 2) == [late, "[local] late: billing run for 2026-11-20 recovered"]


def test_run_timed_out(night: Night) -> None:
    assert night.ended("timedout") == "failed"
    assert night.wait_titles("timedout", 1) == ["[local] timedout: billing run for 2026-11-20 failed"]
    text, _ = parts(night.mail.to("timedout")[0])
    assert "run_timeout_minutes" in text
    # On a slow machine the minute is over before the slow script begins.
    assert re.search(r"^Task: +\w", text, re.MULTILINE)
    slow = "select from pg_stat_activity where application_name like 'bda:timedout%'"
    wait_for(lambda: not night.query("timedout", slow), "the stopped run's query has ended")


def test_metrics(night: Night) -> None:
    assert night.ended("warning") == "success"
    names = {line.split(":")[0] for line in night.statsd.lines}
    for metric in ("run_seconds", "run_success", "rows", "files", "bytes", "script_seconds", "check_violations"):
        assert f"airflow.billing.warning.local.{metric}" in names
    assert "airflow.billing.failing.local.run_failed" in names


def test_nothing_else_has_arrived(night: Night) -> None:
    """The messages of the whole night: one for each event and no others."""
    time.sleep(5)
    titles = {client: len(night.titles(client)) for client in CLIENTS}
    assert titles == {
        "broken": 0,
        "failing": 2,
        "held": 1,
        "killed": 1,
        "late": 2 if night.stack.keeps_deadlines() else 1,
        "retrying": 0,
        "timedout": 1,
        "warning": 1,
    }


def test_the_docs_show_the_messages(night: Night) -> None:
    """The texts in docs/alerts.md are the ones that arrive; ``messages.txt`` in the stack's home has them to copy."""
    shown = [shown_mail(mail) for mail in night.mail.mails] + [shown_post(night.slack.to("held")[0])]
    (night.stack.home / "messages.txt").write_text("\n\n\n".join(shown), encoding="utf-8")
    docs = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    compared = [text for text in shown if "failing" not in text and "min late" not in text]
    for text in compared:
        assert text in docs, text
