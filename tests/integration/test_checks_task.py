"""The task of a system's checks: every check is reported, all violated ones are named, files are read at run time."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config import ClientConfig
from billing_aggregator.errors.kinds import classify
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_checks import ChecksViolatedError, SqlChecksOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

PASSES = "-- fail: it holds\nselect 1 as id where false"


class Task:
    """Checks of one system, written to files and run as Airflow runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pushed: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def make(self, files: dict[str, str]) -> SqlChecksOperator:
        """Write the files and return their task."""
        (self.folder / "audits/tripica").mkdir(parents=True, exist_ok=True)
        names = [f"audits/tripica/{name}.sql" for name in files]
        for name, text in zip(names, files.values(), strict=True):
            (self.folder / name).write_text(text, encoding="utf-8")
        config = ClientConfig(
            client="enercity",
            environment="local",
            s3_bucket="bucket",
            scripts_dir=str(self.folder),
            task_timeout_minutes=7,
            **self.options,
        )
        return SqlChecksOperator(task_id="tripica", sql=names, client_config=config, system="tripica")

    def run(self, files: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Run the checks; return what became of each, by its short name."""
        task: Any = self.make(files)
        context = self.context()
        task.render_template_fields(context)
        task.pre_execute(context)
        task.execute(context)
        return self.outcomes

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """What was pushed as ``checks``, by short name."""
        return {each["check"].rpartition("/")[2].removesuffix(".sql"): each for each in self.pushed["checks"]}

    def context(self) -> Any:
        """Return what Airflow gives a task."""
        now = datetime(2026, 1, 31, tzinfo=UTC)
        push = lambda key, value: self.pushed.update({key: value})  # noqa: E731
        params = {"systems": ["tripica"], "ignore_systems": [], "business_date": None, "dry_run": True}
        return {
            "run_id": "manual__1",
            "ti": SimpleNamespace(xcom_pull=lambda **_: "airflow-test", xcom_push=push),
            "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=now, start_date=now),
            "params": params | {"max_rows_per_file": 1, "systems": ["bookkeeper", "tripica"]},
        }


@pytest.fixture(params=[psycopg.connect, psycopg2.connect], ids=["psycopg", "psycopg2"])
def task(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Task:
    connect: Callable[..., Any] = request.param
    hook = SimpleNamespace(get_conn=lambda: connect(postgres.dsn()))
    monkeypatch.setattr(RunAwareOperator, "warehouse_hook", lambda *_: hook)
    monkeypatch.setattr(RunAwareOperator, "heartbeats", False)
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    (tmp_path / "init").mkdir()
    return Task(tmp_path)


def test_all_violated_checks_are_named_and_every_check_is_reported(task: Task) -> None:
    files = {
        "100_a": PASSES,
        "200_b": "-- fail: no two\nselect generate_series(1, 2) as id",
        "200_c": "-- warn: no three\nselect generate_series(1, 3) as id",
        "200_d": "-- fail: none\nselect 7 as id",
        "300_e": PASSES,
    }
    with pytest.raises(ChecksViolatedError) as failure:
        task.run(files)
    assert str(failure.value).splitlines() == [
        "2 violated of 5 checks: 200_b, 200_d",
        "audits/tripica/200_b.sql: 2 rows violate: no two",
        "audits/tripica/200_d.sql: 1 rows violate: none",
    ]
    assert list(failure.value.violated) == str(failure.value).splitlines()[1:]
    assert {name: (found["state"], found["violations"]) for name, found in task.outcomes.items()} == {
        "100_a": ("passed", 0),
        "200_b": ("violated", 2),
        "200_c": ("violated", 3),
        "200_d": ("violated", 1),
        "300_e": ("not run", 0),
    }
    assert task.pushed["error"] == "2 violated of 5 checks: 200_b, 200_d"


def test_a_single_violation_is_the_whole_message(task: Task) -> None:
    with pytest.raises(ChecksViolatedError, match=r"^audits/tripica/100_a.sql: 1 rows violate: none$"):
        task.run({"100_a": "-- fail: none\nselect 7 as id", "100_b": PASSES})


def test_a_clients_severity_decides(task: Task) -> None:
    task.options = {"check_severity": {"audits/tripica/100_a": "warn"}}
    found = task.run({"100_a": "-- fail: none\nselect 7 as id", "200_b": PASSES})
    assert (found["100_a"]["severity"], found["100_a"]["state"], found["200_b"]["state"]) == (
        "warn",
        "violated",
        "passed",
    )


def test_a_violation_is_not_retried_beside_an_outage(task: Task) -> None:
    files = {
        "100_a": "-- fail: none\nselect 7 as id",
        "100_b": "-- fail: no\nselect pg_terminate_backend(pg_backend_pid())",
    }
    with pytest.raises(ChecksViolatedError, match="1 violated and 1 failed of 2 checks: 100_a, 100_b"):
        task.run(files)


def test_an_outage_alone_is_retried(task: Task) -> None:
    with pytest.raises(Exception, match="100_b") as failure:
        task.run({"100_a": PASSES, "100_b": "-- fail: no\nselect pg_terminate_backend(pg_backend_pid())"})
    assert not isinstance(failure.value, AirflowFailException)
    assert classify(failure.value) == "transient"


def test_a_broken_check_fails_at_once_and_is_named_with_its_line(task: Task) -> None:
    with pytest.raises(AirflowFailException, match=r"100_b.sql, line 2: column \"nobody\" does not exist \(42703\)"):
        task.run({"100_a": PASSES, "100_b": "-- fail: no\nselect nobody"})


def test_all_files_that_are_no_checks_are_named(task: Task) -> None:
    with pytest.raises(AirflowFailException) as failure:
        task.run({"100_a": "select 1", "100_b": PASSES, "100_c": ""})
    lines = str(failure.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["audits/tripica/100_a.sql", "audits/tripica/100_c.sql"]
    assert "checks" not in task.pushed, "nothing was run"


def test_each_check_has_the_time_of_a_task(task: Task) -> None:
    made = task.make({"100_a": PASSES, "100_b": PASSES, "200_c": PASSES})
    assert made.statement_seconds() == 7 * 60
    assert made.task_seconds() == 2 * 7 * 60
