"""The output of ``make run``: progress, summary, and the report of a failure."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import load_client
from billing_aggregator.local import progress, report
from billing_aggregator.local.airflow_process import AirflowProcess, TaskState
from billing_aggregator.local.objects import ObjectStore
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.s3 import LocalS3

LOG = """\
2026-11-20T01:00:00Z [info] [DAG TEST] starting task_id=start map_index=-1
2026-11-20T01:00:01Z [error] Task failed with exception
Traceback (most recent call last):
  File "x.py", line 1, in run
airflow.sdk.exceptions.AirflowException: warehouse db:5432/octopus cannot be reached: refused
2026-11-20T01:00:02Z [info] [DAG TEST] end task
2026-11-20T01:00:02Z [info] [DAG TEST] starting task_id=init.a map_index=-1
2026-11-20T01:00:03Z [error] Task failed with exception
Traceback (most recent call last):
psycopg.errors.UndefinedTable: relation "x" does not exist
LINE 1: select * from x
                      ^
2026-11-20T01:00:04Z [info] the end
2026-11-20T01:00:05Z [info] [DAG TEST] starting task_id=init.c map_index=-1
2026-11-20T01:00:05Z [error] Task failed with exception
Traceback (most recent call last):
billing_aggregator.runs.preflight.UnreachableError: warehouse db:5432/octopus cannot be reached: refused
2026-11-20T01:00:06Z [info] the end
"""

UNDEFINED = """\
psycopg.errors.UndefinedTable: relation "x" does not exist
LINE 1: select * from x
                      ^"""


@pytest.fixture
def airflow(tmp_path: Path) -> AirflowProcess:
    log = tmp_path / "run.log"
    log.write_text(LOG, encoding="utf-8")
    return AirflowProcess(tmp_path / "home", tmp_path, tmp_path / "cache", log)


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("start", "warehouse db:5432/octopus cannot be reached: refused"),
        ("init.a", UNDEFINED),
        ("init.b", ""),
        ("init.c", "warehouse db:5432/octopus cannot be reached: refused"),
    ],
)
def test_the_error_of_a_task_is_its_message_without_the_frames(airflow: AirflowProcess, task: str, error: str) -> None:
    assert airflow.error_of(task) == error


def test_a_failed_run_names_the_task_its_error_and_the_log(airflow: AirflowProcess, tmp_path: Path) -> None:
    states = [TaskState("start", "failed", 1.0), TaskState("init.a", "upstream_failed", None)]
    states.append(TaskState("publish.abort_uploads", "success", 0.1))
    text = report.failure(states, airflow, tmp_path / "run.log", 12.3)
    assert text.splitlines() == [
        "",
        "FAILED after 12 s: 1 done, 1 failed, 1 not reached",
        "",
        "  failed task: start",
        "    warehouse db:5432/octopus cannot be reached: refused",
        "",
        "  Nothing was published; earlier files are as before.",
        f"  log        {tmp_path / 'run.log'}",
    ]
    data = report.data(states, airflow, tmp_path / "run.log", 12.3, None)
    assert data["ok"] is data["published"] is False
    assert data["failed"] == [{"task": "start", "error": "warehouse db:5432/octopus cannot be reached: refused"}]


def test_a_run_that_did_not_start_shows_the_end_of_the_log(airflow: AirflowProcess, tmp_path: Path) -> None:
    text = report.failure([], airflow, tmp_path / "run.log", 3)
    assert "Airflow did not start the run" in text
    assert "the end" in text


def test_a_failure_after_the_publication_says_that_the_files_are_new(airflow: AirflowProcess, tmp_path: Path) -> None:
    states = [TaskState("publish.publish", "success", 1.0), TaskState("cleanup.a", "failed", 1.0)]
    assert "The new files are published." in report.failure(states, airflow, tmp_path / "run.log", 3)


def test_a_dry_run_says_that_nothing_was_published(tmp_path: Path) -> None:
    config = load_client("enercity", "local", environ={})
    store = ObjectStore(config, {})
    counted = {
        "export": "customer/oibl",
        "rows": 1538,
        "control_totals": {"amount_net": "22429.42", "dunning_level": "995"},
        "files": [{"bytes": 300_000}, {"bytes": 76_423}],
    }
    states = [TaskState("start", "success", 0.1)]
    text = report.success(states, store, tmp_path, tmp_path / "run.log", 4, dry_runs=[counted])
    assert "Succeeded in 4 s: 1 done" in text
    assert "Nothing was published: dry run" in text
    assert re.search(r"customer/oibl +2 +1,538 +376,423  amount_net 22429\.42, 1 more\n", text)


def test_a_published_run_shows_the_biggest_exports_first_file(tmp_path: Path) -> None:
    def export(name: str, *sizes: int) -> dict[str, Any]:
        files = [{"key": f"c/{name}_{number:04}.csv", "bytes": size} for number, size in enumerate(sizes)]
        return {"rows": 1, "control_totals": {}, "files": files}

    class Store:
        location = "s3://bucket/c/"

        def manifest(self) -> dict[str, Any]:
            return {"exports": {"small": export("small", 90), "list": export("list", 40, 60), "empty": export("empty")}}

        def copy_files(self, manifest: dict[str, Any], folder: Path) -> list[Path]:
            copies = [folder / file["key"] for each in manifest["exports"].values() for file in each["files"]]
            for copy in copies:
                copy.parent.mkdir(exist_ok=True)
                copy.write_text(f"head\n{copy.name}\n", encoding="utf-8")
            return copies

    store: Any = Store()
    text = report.success([TaskState("publish.publish", "success", 1.0)], store, tmp_path, tmp_path / "run.log", 4)
    assert "first lines of list_0000.csv:\n    head\n    list_0000.csv\n" in text


def test_copies_end_at_their_limit(
    s3_server: LocalS3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "BDA_S3_URL": s3_server.url,
        "BDA_S3_BUCKET": bucket,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    client: Any = s3_server.client()
    files = []
    for name in ("a", "b"):
        version = client.put_object(Bucket=bucket, Key=f"x/{name}.csv", Body=b"1234")["VersionId"]
        files.append({"key": f"x/{name}.csv", "bytes": 4, "version_id": version})
    monkeypatch.setattr("billing_aggregator.local.objects.COPY_LIMIT_BYTES", 5)
    store = ObjectStore(load_client("enercity", "local", environ=variables), variables)
    copies = store.copy_files({"exports": {"x": {"files": files}}}, tmp_path)
    assert copies == [tmp_path / "x/a.csv"]
    assert copies[0].read_bytes() == b"1234"
    assert store.location == f"s3://{bucket}/enercity/local/ at {s3_server.url}"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_running_now() -> None:
    stream = Terminal()
    shown = progress.RunProgress(stream)
    shown.note("starting")
    shown.show([TaskState("start", "success", 1.0), TaskState("init.a", "running", None)])
    shown.show([TaskState("start", "success", 1.0), TaskState("init.a", "failed", 2.0)])
    shown.end()
    text = stream.getvalue()
    assert "running: init.a" in text
    assert text.count("[  1/2] start") == 1
    assert " ![  2/2] init.a" in text
    assert text.endswith("\x1b[K")


def test_without_a_terminal_a_long_silence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1)
    stream = io.StringIO()
    shown = progress.RunProgress(stream)
    shown.show([TaskState("init.a", "running", None), TaskState("init.b", "upstream_failed", None)])
    shown.show([])
    shown.end()
    assert "running: init.a" in stream.getvalue()
    assert "waiting for Airflow" in stream.getvalue()
    assert "init.b" not in stream.getvalue(), "what a failure keeps from starting is counted in the summary"


def test_a_child_that_cannot_start_is_a_failed_run_with_its_words(airflow: AirflowProcess, tmp_path: Path) -> None:
    airflow.load({"PATH": "/nowhere", "PYTHONPATH": "/nowhere"})
    assert list(airflow.test_dag("any", "{}", {}))[-1] == []
    assert airflow.exit_status not in (0, -1)
    assert "billing_aggregator" in (tmp_path / "run.log").read_text()
    airflow.stop()


def test_states_are_empty_before_there_is_a_database(airflow: AirflowProcess) -> None:
    assert airflow.task_states() == []
    assert airflow.exit_status == -1
    airflow.stop()
