"""``run`` with variables and options set by hand, for machines: one JSON object on stdout, the rest on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from tests.conftest import ROOT
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3


def run(*arguments: str, **variables: str) -> tuple[int, dict[str, Any], str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BDA_", "AIRFLOW"))}
    done = subprocess.run(
        [sys.executable, "-m", "billing_aggregator", "run", "--json", *arguments],
        env=clean | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"} | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_another_port_another_bucket_one_system_and_small_files(
    postgres: EmbeddedPostgres, new_warehouse: Callable[[], str], s3_server: LocalS3, bucket: str
) -> None:
    status, outcome, words = run(
        "--max-rows-per-file",
        "500",
        "--business-date",
        "2026-01-31",
        BDA_DB_HOST=postgres.host,
        BDA_DB_PORT=str(postgres.port),
        BDA_DB_NAME=new_warehouse(),
        BDA_S3_URL=s3_server.url,
        BDA_S3_BUCKET=bucket,
        BDA_S3_ACCESS_KEY=ACCESS_KEY,
        BDA_S3_SECRET_ACCESS_KEY=SECRET_KEY,
        BDA_IGNORE_SYSTEMS="tripica",
        BDA_MAX_ROW_SIZE_FILE="100",
    )
    assert status == 0, words
    assert outcome["ok"] is outcome["published"] is True
    states = {task["task"]: task["state"] for task in outcome["tasks"]}
    assert {state for task, state in states.items() if task.startswith("init.tripica.")} == {"skipped"}
    assert list(outcome["manifest"]["exports"]) == ["bookkeeper_results"]
    counts = [file["rows"] for file in outcome["manifest"]["exports"]["bookkeeper_results"]["files"]]
    assert counts[:-1] == [500] * (len(counts) - 1), "the option wins over the variable"
    assert outcome["manifest"]["business_date"] == "2026-01-31"
    assert outcome["location"] == f"s3://{bucket}/enercity/local/ at {s3_server.url}"
    assert "Succeeded in" in words
    listed = s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert len([item for item in listed if item["Key"].endswith(".csv")]) == len(counts)


def test_a_failed_run_names_task_and_error_in_json(bucket: str, s3_server: LocalS3) -> None:
    status, outcome, _ = run(
        BDA_DB_HOST="127.0.0.1",
        BDA_DB_PORT="1",
        BDA_S3_URL=s3_server.url,
        BDA_S3_BUCKET=bucket,
        BDA_S3_ACCESS_KEY=ACCESS_KEY,
        BDA_S3_SECRET_ACCESS_KEY=SECRET_KEY,
    )
    assert status == 1
    assert outcome["ok"] is outcome["published"] is False
    (failed,) = outcome["failed"]
    assert failed["task"] == "start"
    assert failed["error"].startswith("warehouse 127.0.0.1:1/octopus as billing_aggregator cannot be reached")
