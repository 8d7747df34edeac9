"""Runs one script by its operator in a process of its own, which a test may kill: ``script_process.py DRIVER FILE``.

DRIVER is psycopg or psycopg2; the environment has the connection and EXECUTION_TIMEOUT in seconds.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(driver: str, script: str) -> None:
    import airflow.providers.postgres.hooks.postgres as hook
    from airflow.sdk.bases.operator import ExecutorSafeguard
    from airflow.sdk.execution_time.timeout import timeout

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.operators.sql_script import SqlScriptOperator

    hook.USE_PSYCOPG3 = driver == "psycopg"
    ExecutorSafeguard.test_mode = True
    seconds = int(os.environ["EXECUTION_TIMEOUT"])
    config = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")
    operator = SqlScriptOperator(
        task_id="010_long",
        sql=script,
        client_config=config,
        execution_timeout=timedelta(seconds=seconds),
    )
    operator.sql = Path(script).read_text(encoding="utf-8")
    started = datetime.now(UTC)
    context: Any = {
        "run_id": "manual__1",
        "ti": SimpleNamespace(xcom_pull=lambda **_: "airflow-test", xcom_push=lambda **_: None),
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=started, start_date=started),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": None,
            "dry_run": False,
            "max_rows_per_file": 1,
        },
    }
    try:
        with timeout(seconds):
            print(operator.execute(context))
    except BaseException as error:
        if "Timeout" in type(error).__name__:
            operator.on_kill()
        print(f"{type(error).__name__}: {error}", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
