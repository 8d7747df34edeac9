"""The figures of a run, from what its tasks return; metrics; deadlines; the graph's last task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing_aggregator.config import ClientConfig, ConfigError
from billing_aggregator.config.load import load_client, load_clients
from billing_aggregator.dag import deadline as deadline_module
from billing_aggregator.dag.deadline import deadline, is_dag_test, supported
from billing_aggregator.observe import metrics
from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.run_metrics import emit_run
from billing_aggregator.runs.summary import RunSummary, summarise
from tests.conftest import ROOT

watches_deadlines = pytest.mark.skipif(not supported(), reason="this Airflow watches no deadlines")
RUN = Run("enercity", "prod", "airflow#1", "billing", "manual__1")
START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
EXPORT = {
    "rows": 3,
    "files": [{"bytes": 10}, {"bytes": 5}],
    "control_totals": {"amount": "12345678901234567.89"},
}
PUBLISHED = {"manifest_key": "k", "run_id": "manual__1", "exports": {"tripica_results": EXPORT}}
CHECK = {"check": "audits/a.sql", "state": "violated", "severity": "warn", "title": "all add up", "violations": 2}


def made(**more: Any) -> RunSummary:
    values: dict[str, Any] = {
        "business_date": "2026-11-20",
        "results": {
            "publish.publish": PUBLISHED,
            "init.x": {"rows": 9, "statements": 1, "seconds": 1.0},
        },
        "states": {"export.tripica": "success", "audits.a": "success"},
        "errors": {},
        "checks": [CHECK],
        "started": START,
        "ended": START + timedelta(seconds=90),
    }
    return summarise(RUN, **(values | more))


def test_a_good_run() -> None:
    summary = made()
    json = summary.to_json()
    figures = {name: json[name] for name in ("state", "rows", "files", "bytes", "seconds", "error", "failed_tasks")}
    assert figures == {
        "state": "success", "rows": 3, "files": 2, "bytes": 15, "seconds": 90.0, "error": None, "failed_tasks": [],
    }  # fmt: skip
    assert summary.totals == {"tripica_results": {"amount": "12345678901234567.89"}}
    assert [check.task for check in summary.warnings] == ["audits.a"]


def test_a_dry_run_reports_what_it_counted() -> None:
    counted = EXPORT | {"export": "tripica_results"}
    summary = made(results={}, dry_runs=[counted])
    assert (summary.dry_run, summary.rows, summary.files, summary.bytes) == (True, 3, 2, 15)
    assert summary.totals == {"tripica_results": {"amount": "12345678901234567.89"}}
    assert made(results={}, dry_runs=[]).rows == 0, "it failed before it counted"
    assert made().dry_run is False


def test_a_dry_run_sends_no_metrics_of_published_data(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(metrics, "emit", lambda config, metric, value, **tags: sent.append(metric))
    config = ClientConfig(client="enercity", environment="prod", s3_bucket="bucket")
    emit_run(config, made(results={}, checks=[], dry_runs=[EXPORT | {"export": "tripica_results"}]))
    assert sent == ["run_success", "run_seconds"]


def test_a_publish_task_set_to_success_by_hand_is_no_publication() -> None:
    states = {"publish.publish": "success", "init.a": "success"}
    summary = made(results={}, states=states)
    assert summary.state == "failed"
    assert "nothing" in str(summary.error)
    assert made(states=states).state == "success"
    assert made(results={}, states=states, dry_runs=[]).state == "success"
    assert made(results={}, states=states | {"publish.publish": "skipped"}).state == "success"


def test_a_failed_run_names_its_error() -> None:
    states = {"init.b": "failed", "init.a": "upstream_failed", "start": "success"}
    summary = made(results={}, states=states, errors={"init.b": "init/b.sql, line 3: no"})
    assert (summary.state, summary.failed_tasks, summary.error) == (
        "failed",
        ("init.b",),
        "init/b.sql, line 3: no",
    )
    assert summary.rows == 0


@pytest.fixture
def stats() -> Any:
    """What sends Airflow's metrics: a module, or its class in Airflow 3.2."""
    from airflow.sdk.observability import stats as module

    return module if hasattr(module, "incr") else module.Stats


def test_metrics_are_sent_by_airflow(monkeypatch: pytest.MonkeyPatch, stats: Any) -> None:
    lines: list[tuple[str, str, float, dict[str, str]]] = []
    for kind in ("gauge", "incr", "timing"):
        monkeypatch.setattr(stats, kind, lambda name, value, tags, kind=kind: lines.append((kind, name, value, tags)))
    config = ClientConfig(client="enercity", environment="prod", s3_bucket="bucket")
    emit_run(config, made())
    prefix = "billing.enercity.prod."
    assert lines == [
        ("incr", prefix + "run_success", 1, {}),
        ("gauge", prefix + "run_seconds", 90.0, {}),
        ("gauge", prefix + "files", 2, {}),
        ("gauge", prefix + "bytes", 15, {}),
        ("gauge", prefix + "rows", 3, {"export": "tripica_results"}),
        ("gauge", prefix + "check_violations", 2, {"check": "audits.a"}),
    ]


def test_metrics_never_fail_a_task(monkeypatch: pytest.MonkeyPatch, stats: Any) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("no StatsD")

    monkeypatch.setattr(stats, "incr", broken)
    metrics.emit(ClientConfig(client="enercity", environment="prod", s3_bucket="bucket"), "run_failed", 1)


def test_the_docs_list_every_metric() -> None:
    docs = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    for name, (kind, meaning) in metrics.METRICS.items():
        assert f"| `{name}` | {'counter' if kind == 'incr' else kind} | {meaning} |" in docs


def config(**more: Any) -> ClientConfig:
    return ClientConfig(client="enercity", environment="prod", s3_bucket="bucket", **more)


@watches_deadlines
def test_a_deadline_is_counted_from_the_queue_and_calls_the_triggerer() -> None:
    alert = deadline(config())["deadline"]
    assert alert.interval == 7200, "a number: Airflow cannot clear a run whose deadline is a timedelta"
    assert type(alert.reference).__name__ == "DagRunQueuedAtDeadline"
    assert alert.callback.path == "billing_aggregator.alerts.deadline_missed"
    assert ClientConfig.model_validate(alert.callback.kwargs["config"]) == config()


def test_when_a_dag_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert deadline(config(deadline_minutes=None)) == {}
    monkeypatch.setattr("sys.argv", ["/venv/bin/airflow", "dags", "test", "x"])
    assert deadline(config()) == {}
    monkeypatch.setattr("sys.argv", ["/venv/bin/airflow", "scheduler"])
    assert bool(deadline(config())) is supported()
    monkeypatch.setattr(deadline_module, "supported", lambda: False)
    assert deadline(config()) == {}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/venv/bin/airflow", "dags", "test", "x"], True),
        (["/venv/lib/airflow/__main__.py", "dags", "test"], True),
        (["/venv/bin/airflow", "dags", "list"], False),
        (["/venv/bin/airflow", "dag-processor"], False),
        (["/venv/bin/pytest", "dags", "test"], False),
        ([], False),
    ],
)
def test_dags_test_is_recognised(arguments: list[str], expected: bool) -> None:
    assert is_dag_test(arguments) is expected


def test_a_deadline_after_the_run_time_out_is_refused() -> None:
    with pytest.raises(ValueError, match="deadline_minutes = 60 must not exceed run_timeout_minutes = 59"):
        config(deadline_minutes=60, run_timeout_minutes=59)


@pytest.fixture(scope="module")
def dag() -> Any:
    from billing_aggregator.dag.build import build_dag
    from billing_aggregator.night import read_night

    try:
        return build_dag(read_night(load_client("enercity", "prod", environ={})))
    except ConfigError as error:
        pytest.skip(str(error))


def test_the_last_task_waits_for_every_other(dag: Any) -> None:
    finish = dag.get_task("finish")
    assert finish.upstream_task_ids == set(dag.task_ids) - {"finish"}
    assert finish.is_teardown
    assert dag.get_task("start").is_setup


def test_a_failed_task_fails_the_run_whatever_the_last_task_says(dag: Any) -> None:
    assert not dag.get_task("finish").on_failure_fail_dagrun


def test_clearing_a_task_clears_the_lock_and_its_release(dag: Any) -> None:
    task = next(name for name in dag.task_ids if name.startswith("init."))
    chosen = dag.partial_subset(task, include_downstream=False, include_upstream=False)
    assert {"start", "finish", task} <= set(chosen.task_ids)


def test_every_task_has_the_failure_callback(dag: Any) -> None:
    from billing_aggregator.alerts import on_task_failure

    for task in dag.tasks:
        assert list(task.on_failure_callback) == [on_task_failure], task.task_id
    assert dag.on_failure_callback is not None


@watches_deadlines
def test_the_triggerer_gets_every_clients_configuration_whole() -> None:
    for entry in load_clients(environ={}):
        assert isinstance(entry, ClientConfig)
        assert ClientConfig.model_validate(deadline(entry)["deadline"].callback.kwargs["config"]) == entry


@pytest.mark.parametrize(("itself", "state"), [(True, "success"), (False, "failed")], ids=["itself", "by hand"])
def test_a_publication_that_was_skipped(itself: bool, state: str) -> None:
    summary = made(results={}, states={"publish.publish": "skipped"}, errors={}, nothing_to_publish=itself)
    assert summary.state == state
    assert ("set by hand" in (summary.error or "")) is not itself


def test_a_skipped_publication_of_a_dry_run_is_a_success() -> None:
    skipped = {"publish.publish": "skipped"}
    summary = made(results={}, states=skipped, errors={}, dry_runs=[], nothing_to_publish=False)
    assert summary.state == "success"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("audits/tripica/100_a.sql", "audits.tripica.100_a"),
        ("audits/tripica/enercity/100_a.sql", "audits.tripica.100_a"),
        ("audits/a.sql", "audits.a"),
    ],
)
def test_a_check_has_the_same_name_for_all_clients(path: str, name: str) -> None:
    assert [check.task for check in made(checks=[CHECK | {"check": path}]).checks] == [name]


def test_checks_of_a_failed_task_are_in_the_summary_but_those_that_did_not_run() -> None:
    states = ("passed", "violated", "skipped", "failed", "not run")
    checks = [CHECK | {"check": f"audits/a/{number}.sql", "state": state} for number, state in enumerate(states)]
    assert [check.task for check in made(checks=checks).checks] == ["audits.a.0", "audits.a.1", "audits.a.2"]
