"""What the messages say, and what a broken channel changes: nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from billing_aggregator.alerts import channels, run_facts, texts
from billing_aggregator.alerts.events import ANCHORS, Event, Fact, event
from billing_aggregator.export.manifest import Manifest
from tests.conftest import ROOT
from tests.unit.alerts.situations import CONFIG, RUN


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "nothing was published; readers have no list so far"),
        ("EndpointConnectionError: no", "unknown, for the manifest cannot be read (EndpointConnectionError: no)"),
        (
            {"run_id": "scheduled__0", "business_date": "2026-11-19", "published_at": "2026-11-19T02:20:00+00:00"},
            "nothing was published; readers still see the list of 2026-11-19, "
            "published by run scheduled__0 at 2026-11-19T02:20:00+00:00",
        ),
        (
            {"run_id": "scheduled__0", "published_at": "2026-11-19T02:20:00+00:00"},
            "nothing was published; readers still see a list, "
            "published by run scheduled__0 at 2026-11-19T02:20:00+00:00",
        ),
        (
            {"run_id": "scheduled__1", "business_date": "2026-11-20", "published_at": "2026-11-20T02:20:00+00:00"},
            "published at 2026-11-20T02:20:00+00:00; readers see the list of 2026-11-20",
        ),
    ],
)  # fmt: skip
def test_impact(monkeypatch: pytest.MonkeyPatch, found: Any, expected: str) -> None:
    monkeypatch.setattr(run_facts, "read_manifest", lambda _: found)
    assert run_facts.impact(CONFIG, "scheduled__1") == expected


def test_the_manifest_is_read_from_s3(s3_server: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDA_S3_ACCESS_KEY", "local")
    monkeypatch.setenv("BDA_S3_SECRET_ACCESS_KEY", "local-only")
    config = CONFIG.model_copy(update={"s3_bucket": bucket, "s3_url": s3_server.url})
    assert run_facts.read_manifest(config) is None
    manifest = Manifest(
        run_id="r", client="a", environment="dev", business_date="2026-11-20", published_at="now", exports={}
    )
    s3_server.client().put_object(Bucket=bucket, Key=config.manifest_key, Body=manifest.body())
    assert run_facts.read_manifest(config) == manifest.to_json()
    s3_server.client().put_object(Bucket=bucket, Key=config.manifest_key, Body=b"[]")
    assert "is no manifest" in str(run_facts.read_manifest(config))
    assert "NoSuchBucket" in str(run_facts.read_manifest(config.model_copy(update={"s3_bucket": "other-bucket"})))
    nowhere = config.model_copy(update={"s3_url": "http://127.0.0.1:9"})
    assert isinstance(run_facts.read_manifest(nowhere), str)


def test_a_broken_channel_does_not_stop_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[Event] = []

    def broken(_: Event) -> Any:
        raise OSError("no mail today")

    working = lambda alert: SimpleNamespace(notify=lambda _: arrived.append(alert))  # noqa: E731
    both = [channels.Channel("email", "smtp_default", broken), channels.Channel("slack", "slack_alerts", working)]
    monkeypatch.setattr(channels, "channels", lambda _: both)
    alert = event("task_failed", CONFIG, RUN, "failed", [])
    assert channels.send(CONFIG, alert) == {"email": False, "slack": True}
    assert arrived == [alert]


def test_an_unreadable_connection_of_a_channel_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = CONFIG.alerts.model_copy(update={"email": ("a@example.org",), "slack": True})
    config = CONFIG.model_copy(update={"alerts": alerts})
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "{")
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_ALERTS", raising=False)
    with capture_logs() as lines:
        channels.send(config, event("task_failed", config, RUN, "failed", []))
    reasons = {line["channel"]: line["reason"] for line in lines if line["event"] == "alert not sent"}
    assert reasons["email"].startswith("connection smtp_default cannot be read: its JSON cannot be parsed")
    assert "isn't defined" in reasons["slack"]


MARKUP = event(
    "task_failed", CONFIG, RUN, "failed <here> & there", [Fact("Error", "{{ 1 + 1 }} <b>& *x*\nnext " + "y" * 3000)]
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
