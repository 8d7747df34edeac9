"""Runs one SQL file by its operator in a process of its own, which a test may kill: ``DRIVER KIND FILE``.

DRIVER is psycopg or psycopg2, KIND is script, check or export (a dry run of the query); the environment has the
connection, EXECUTION_TIMEOUT in seconds, and STOPPED_AFTER, the seconds after which the task is really stopped.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(driver: str, kind: str, script: str) -> None:
    import airflow.providers.postgres.hooks.postgres as hook
    from airflow.sdk.bases.operator import ExecutorSafeguard
    from airflow.sdk.execution_time.timeout import timeout

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.operators.client_exports import ClientPlanOperator
    from billing_aggregator.operators.sql_checks import SqlChecksOperator
    from billing_aggregator.operators.sql_script import SqlScriptOperator

    hook.USE_PSYCOPG3 = driver == "psycopg"
    ExecutorSafeguard.test_mode = True
    seconds = int(os.environ["EXECUTION_TIMEOUT"])
    config = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")
    text = Path(script).read_text(encoding="utf-8")
    common: dict[str, Any] = {
        "task_id": "010_long",
        "client_config": config,
        "execution_timeout": timedelta(seconds=seconds),
    }
    operator: Any
    if kind == "export":
        operator = ClientPlanOperator(export_name="long", query=script, **common)
        operator.query = text
    else:
        operator = (
            SqlScriptOperator(sql=script, **common) if kind == "script" else SqlChecksOperator(sql=[script], **common)
        )
        operator.sql = text if kind == "script" else [text]
    context = context_of(kind)
    # What Airflow's task runner does when a task is stopped.
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    print("starts", flush=True)
    try:
        with timeout(int(os.environ["STOPPED_AFTER"])):
            operator.pre_execute(context)
            print(operator.execute(context))
    except BaseException as error:
        if "Timeout" in type(error).__name__:
            operator.on_kill()
        print(f"{type(error).__name__}: {error}", flush=True)
        sys.exit(1)


def context_of(kind: str) -> Any:
    """Return a task's context as far as the operators read it."""
    started = datetime.now(UTC)
    return {
        "run_id": "manual__1",
        "ti": SimpleNamespace(try_number=1, xcom_pull=lambda **_: "airflow-test", xcom_push=lambda **_: None),
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=started, start_date=started),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": None,
            "dry_run": kind == "export",
            "max_rows_per_file": 1,
        },
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
