"""Who is told what, and that each event is told once. The stack test sends the same messages for real."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.alerts import callbacks, channels, closing, facts, late, ledger, texts
from billing_aggregator.alerts.callbacks import RunFailed, on_task_failure
from billing_aggregator.alerts.closing import close_run
from billing_aggregator.alerts.events import ANCHORS, Event, Fact, event
from billing_aggregator.config import Alerts, ClientConfig
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = ClientConfig(
    client="enercity",
    environment="prod",
    s3_bucket="bucket",
    alerts=Alerts(email=("ops@example.com",), slack=True, runbook_url="https://docs.example.com/runbook"),
)
START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


class Variables:
    """Airflow's Variables in memory; *broken* makes them unreachable."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.broken = False

    def get(self, key: str, default: Any = None) -> Any:
        self._reach()
        return self.values.get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self._reach()
        self.values[key] = value

    def delete(self, key: str) -> None:
        self._reach()
        self.values.pop(key, None)

    def _reach(self) -> None:
        if self.broken:
            raise ConnectionError("no way to Airflow's database")


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
    for module in (callbacks, closing, late):
        monkeypatch.setattr(module, "send", lambda _, event: events.append(event))
    return events


def context(run_id: str = "scheduled__1", task: str = "init.tripica.500_open_items", **more: Any) -> dict[str, Any]:
    ti = SimpleNamespace(
        run_id=run_id, task_id=task, try_number=more.pop("try_number", 3), log_url="https://airflow/log",
        xcom_pull=lambda **_: more.get("kept"),
    )  # fmt: skip
    dag_run = SimpleNamespace(conf={}, logical_date=START, run_after=START, start_date=more.pop("start", START))
    operator = SimpleNamespace(client_config=more.pop("config", CONFIG), retries=2, killed=more.pop("killed", False))
    return {
        "ti": ti,
        "run_id": run_id,
        "dag_run": dag_run,
        "task": operator,
        "exception": ValueError("it broke"),
        **more,
    }


def summary(run_id: str = "scheduled__1", state: str = "success", checks: Any = ()) -> dict[str, Any]:
    return {"run_id": run_id, "state": state, "checks": list(checks), "rows": 7, "files": 2}


def kinds(sent: list[Event]) -> list[str]:
    return [event.kind for event in sent]


def value(event: Event, label: str) -> str:
    return next(fact.value for fact in event.facts if fact.label == label)


def test_a_failed_task_is_told_with_all_facts(sent: list[Event]) -> None:
    on_task_failure(context())
    (told,) = sent
    assert told.title == "[prod] enercity: billing run failed in init / tripica/500_open_items"
    assert [fact.label for fact in told.facts] == [
        "Client", "Environment", "Business date", "Run", "Phase", "Script", "Error", "Published", "Try", "Log",
        "Run page", "Runbook",
    ]  # fmt: skip
    assert value(told, "Business date") == "2026-11-20"
    assert value(told, "Try") == "3 of 3"
    assert value(told, "Error") == "ValueError: it broke"


def test_the_first_failed_task_speaks_for_the_run(sent: list[Event]) -> None:
    on_task_failure(context())
    on_task_failure(context(task="init.tripica.500_payments"))
    RunFailed(CONFIG)(context(reason="task_failure"))
    assert kinds(sent) == ["task_failed"]


def test_two_that_fail_at_the_same_moment_send_one_message(sent: list[Event]) -> None:
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


def test_each_night_is_told(sent: list[Event]) -> None:
    on_task_failure(context("scheduled__1"))
    on_task_failure(context("scheduled__2"))
    assert len(sent) == 2


def test_a_cleared_run_and_a_cleared_task_that_fail_again_are_told_again(sent: list[Event]) -> None:
    on_task_failure(context())
    on_task_failure(context(start=START + timedelta(hours=1)))
    on_task_failure(context(start=START + timedelta(hours=1), try_number=4))
    assert len(sent) == 3


def test_a_run_without_a_message_is_told_by_its_own_callback(sent: list[Event]) -> None:
    RunFailed(CONFIG)({"run_id": "manual__1", "reason": "timed_out"})
    (told,) = sent
    assert told.kind == "run_failed"
    assert "run_timeout_minutes" in value(told, "Reason")


def test_a_stopped_task_is_silent_but_not_one_that_timed_out(sent: list[Event]) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout

    on_task_failure(context(killed=True))
    assert sent == []
    on_task_failure(context(killed=True, exception=AirflowTaskTimeout("60 minutes")))
    assert kinds(sent) == ["task_failed"]


def test_without_an_exception_the_kept_error_is_told(sent: list[Event]) -> None:
    """Airflow 3.2 gives none in ``airflow dags test``."""
    on_task_failure(context(exception=None, kept="init/a.sql, line 3: no"))
    assert value(sent[0], "Error") == "init/a.sql, line 3: no"


def test_nobody_is_told_without_channels(sent: list[Event], variables: Variables) -> None:
    on_task_failure(context(config=CONFIG.model_copy(update={"alerts": Alerts()})))
    assert sent == []
    assert variables.values == {}


def test_rather_twice_than_never(sent: list[Event], variables: Variables) -> None:
    variables.broken = True
    on_task_failure(context())
    assert kinds(sent) == ["task_failed"]


def test_one_process_needs_no_variables_to_tell_once(sent: list[Event], variables: Variables) -> None:
    """``airflow dags test`` calls the run's callback where Variables cannot be reached."""
    on_task_failure(context())
    variables.broken = True
    RunFailed(CONFIG)(context(reason="task_failure"))
    assert kinds(sent) == ["task_failed"]


def test_recovery_is_told_once(sent: list[Event], manifest: dict[str, Any]) -> None:
    on_task_failure(context("scheduled__1"))
    on_task_failure(context("scheduled__2"))
    manifest |= {"run_id": "scheduled__3", "published_at": "2026-11-20T02:30:00+00:00"}
    close_run(CONFIG, context("scheduled__3"), summary("scheduled__3"))
    manifest |= {"run_id": "scheduled__4"}
    close_run(CONFIG, context("scheduled__4"), summary("scheduled__4"))
    assert kinds(sent) == ["task_failed", "task_failed", "recovered"]
    assert "scheduled__2" in value(sent[-1], "Before")


def test_a_failed_run_recovers_nothing(sent: list[Event]) -> None:
    on_task_failure(context())
    close_run(CONFIG, context(), summary(state="failed"))
    assert kinds(sent) == ["task_failed"]


def test_one_message_for_all_warnings(sent: list[Event], manifest: dict[str, Any]) -> None:
    manifest |= {"run_id": "scheduled__1", "published_at": "2026-11-20T02:30:00+00:00"}
    checks = [
        {"task": "audits.a", "severity": "warn", "title": "all have a customer", "violations": 3},
        {"task": "audits.b", "severity": "warn", "title": "none is late", "violations": 0},
        {"task": "audits.c", "severity": "info", "title": "for information", "violations": 9},
        {"task": "audits.d", "severity": "warn", "title": "all add up", "violations": 1},
    ]
    close_run(CONFIG, context(), summary(checks=checks))
    (told,) = sent
    assert told.title == "[prod] enercity: 2 checks warn"
    assert value(told, "Checks") == "all have a customer: 3 (audits.a)\nall add up: 1 (audits.d)"


PUBLISHED = {"in time": ("2026-11-20T04:00:00+00:00", []), "late": ("2026-11-20T04:01:00+00:00", ["deadline_missed"])}


@pytest.mark.parametrize("case", PUBLISHED)
def test_the_last_task_looks_at_the_deadline(case: str, sent: list[Event], manifest: dict[str, Any]) -> None:
    when, expected = PUBLISHED[case]
    manifest |= {"run_id": "scheduled__1", "published_at": when}
    close_run(CONFIG, context(), summary())
    assert kinds(sent) == expected


def test_a_late_dry_run_is_no_news(sent: list[Event]) -> None:
    close_run(CONFIG.model_copy(update={"dry_run": True}), context(), summary())
    assert sent == []


def missed(state: str = "running", conf: dict[str, Any] | None = None) -> str:
    dag_run = {
        "dag_run_id": "scheduled__1", "state": state, "conf": conf or {}, "logical_date": START.isoformat(),
        "run_after": START.isoformat(), "start_date": START.isoformat(),
    }  # fmt: skip
    return asyncio.run(late.deadline_missed(as_json(CONFIG), {"dag_run": dag_run}))


def as_json(config: ClientConfig) -> dict[str, Any]:
    """Return what the triggerer gets: the entry without defaults."""
    return config.model_dump(mode="json", exclude_unset=True)


def test_a_missed_deadline_is_told_once_and_its_end(sent: list[Event], manifest: dict[str, Any]) -> None:
    assert missed() == "told"
    assert missed() == "the run was alerted"
    manifest |= {"run_id": "scheduled__1", "published_at": "2026-11-20T05:00:00+00:00"}
    close_run(CONFIG, context(), summary())
    assert kinds(sent) == ["deadline_missed", "recovered"]
    assert value(sent[0], "Deadline") == "120 minutes after 2026-11-20 02:00 UTC"


def test_a_late_run_that_fails_is_told(sent: list[Event]) -> None:
    missed()
    on_task_failure(context())
    assert kinds(sent) == ["deadline_missed", "task_failed"]


SILENT: dict[str, Callable[[dict[str, Any]], str]] = {
    "the run has succeeded": lambda _: missed("success"),
    "the run has failed": lambda _: missed("failed"),
    "a dry run": lambda _: missed(conf={"dry_run": True}),
    "it is published": lambda found: (
        found.update(run_id="scheduled__1", published_at="2026-11-20T03:00:00+00:00"),
        missed(),
    )[1],
    "it was alerted": lambda _: (on_task_failure(context()), missed())[1],
}


@pytest.mark.parametrize("case", SILENT)
def test_a_deadline_is_silent_when(case: str, sent: list[Event], manifest: dict[str, Any]) -> None:
    assert SILENT[case](manifest) not in ("told", "failed")
    assert "deadline_missed" not in kinds(sent)


def test_nothing_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "STOP_GRACE_SECONDS", 0)
    on_task_failure({})
    RunFailed(CONFIG)({})
    close_run(CONFIG, {}, {})
    assert asyncio.run(late.deadline_missed({}, {})) == "failed"
    assert asyncio.run(late.deadline_missed(as_json(CONFIG), {"dag_run": 1})) == "failed"


STOPPED_AT = {
    "both by default": ({}, True),
    "both as written": ({"deadline_minutes": 45, "run_timeout_minutes": 45}, True),
    "the deadline as the default": ({"deadline_minutes": 120}, True),
    "the time-out as the default": ({"run_timeout_minutes": 120}, True),
    "later": ({"deadline_minutes": 119}, False),
}


@pytest.mark.parametrize("case", STOPPED_AT)
def test_a_run_that_is_stopped_at_its_deadline_may_end_first(
    case: str, sent: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its failure is the message then."""
    values, waits = STOPPED_AT[case]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    config = ClientConfig.model_validate(as_json(CONFIG) | values)
    asyncio.run(late.deadline_missed(as_json(config), {"dag_run": {"dag_run_id": "scheduled__1", "state": "running"}}))
    assert slept == ([late.STOP_GRACE_SECONDS] if waits else [])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "nothing of this run; nothing was published before"),
        ("EndpointConnectionError: no", "unknown: the manifest could not be read (EndpointConnectionError: no)"),
        (
            {"run_id": "scheduled__0", "business_date": "2026-11-19", "published_at": "2026-11-19T02:20:00+00:00"},
            "nothing of this run; run scheduled__0 of business date 2026-11-19 is still current, "
            "published 2026-11-19T02:20:00+00:00",
        ),
        (
            {"run_id": "scheduled__1", "published_at": "2026-11-20T02:20:00+00:00"},
            "this run, at 2026-11-20T02:20:00+00:00; its files are complete and current",
        ),
    ],
)  # fmt: skip
def test_what_is_published(monkeypatch: pytest.MonkeyPatch, found: Any, expected: str) -> None:
    monkeypatch.setattr(facts, "read_manifest", lambda _: found)
    assert facts.published(CONFIG, "scheduled__1") == expected


def test_the_manifest_is_read_from_s3(s3_server: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDA_S3_ACCESS_KEY", "local")
    monkeypatch.setenv("BDA_S3_SECRET_ACCESS_KEY", "local-only")
    config = CONFIG.model_copy(update={"s3_bucket": bucket, "s3_url": s3_server.url})
    assert facts.read_manifest(config) is None
    s3_server.client().put_object(Bucket=bucket, Key=config.manifest_key, Body=json.dumps({"run_id": "r"}))
    assert facts.read_manifest(config) == {"run_id": "r"}
    assert "NoSuchBucket" in str(facts.read_manifest(config.model_copy(update={"s3_bucket": "other-bucket"})))
    nowhere = config.model_copy(update={"s3_url": "http://127.0.0.1:9"})
    assert isinstance(facts.read_manifest(nowhere), str)


def test_a_broken_channel_does_not_stop_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[Event] = []

    def broken(_: Event) -> Any:
        raise OSError("no mail today")

    working = lambda told: SimpleNamespace(notify=lambda _: arrived.append(told))  # noqa: E731
    both = [channels.Channel("email", "smtp_default", broken), channels.Channel("slack", "slack_alerts", working)]
    monkeypatch.setattr(channels, "channels", lambda _: both)
    told = event("task_failed", CONFIG, "billing run failed", [])
    assert channels.send(CONFIG, told) == {"email": False, "slack": True}
    assert arrived == [told]


MARKUP = event(
    "task_failed", CONFIG, "failed <here> & there", [Fact("Error", "{{ 1 + 1 }} <b>& *x*\nnext " + "y" * 3000)]
)


def test_texts_escape_what_they_quote() -> None:
    assert "&lt;here&gt; &amp; there" in texts.html(MARKUP)
    assert "{{ 1 + 1 }} &lt;b&gt;&amp; *x*<br>next" in texts.html(MARKUP)
    assert texts.slack_text(MARKUP).endswith("failed &lt;here&gt; &amp; there")
    assert "{{ 1 + 1 }} <b>& *x*" in texts.plain(MARKUP)


def test_slack_blocks_keep_to_slacks_limits() -> None:
    for block in texts.slack_blocks(MARKUP):
        if block["type"] == "header":
            assert len(block["text"]["text"]) <= 150
        for part in [
            *block.get("fields", []),
            *([block["text"]] if block["type"] == "section" and "text" in block else []),
        ]:
            assert len(part["text"]) <= 2000
        assert len(block.get("fields", [])) <= 10


def test_every_alert_has_a_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    anchors = {line[3:].strip().lower().replace(" ", "-") for line in runbook.splitlines() if line.startswith("## ")}
    assert set(ANCHORS.values()) <= anchors
