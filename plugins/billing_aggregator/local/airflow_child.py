"""The child process of ``make run``: loads Airflow while the warehouse and the S3 server start, then tests the DAG.

``python -m billing_aggregator.local.airflow_child DATABASE TEMPLATE`` waits for one line of JSON on stdin, with the
environment's ``variables`` that are known by then and the ``arguments`` of ``airflow``, and becomes that command.
"""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import sys
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

# What a night imports, the slow ones first; one that this Airflow does not have is imported by nobody later either.
MODULES = (
    "airflow.api_fastapi.execution_api.app",
    "airflow.cli.commands.dag_command",
    "airflow.sdk.execution_time.task_runner",
    "billing_aggregator.dag",
    "billing_aggregator.s3.client",
    "billing_aggregator.postgres.hook",
    "psycopg",
)


def main(database: Path, template: Path) -> None:
    """Migrate *database* where it is missing, keep it as *template*, load Airflow, and run the command from stdin."""
    if not database.exists():
        airflow("db", "migrate")
        template.parent.mkdir(parents=True, exist_ok=True)
        partial = template.with_name(f"{template.name}.{os.getpid()}")
        # Not the file: part of what Airflow has written may still be in its write-ahead log.
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        partial.replace(template)
    load()
    line = sys.stdin.readline()
    if not line:
        sys.exit("the command that started this one has ended")
    order = json.loads(line)
    os.environ.update(order["variables"])
    airflow(*order["arguments"])


def load() -> None:
    """Import what the run will need, and warm up what ``dags test`` asks instead of an API server.

    Airflow makes that server once in a process and its routes at the first request, which takes seconds.
    """
    for module in MODULES:
        with suppress(ImportError):
            import_module(module)
    # Another Airflow may name it otherwise: then the first task waits for it, as without this.
    with suppress(Exception):
        import_module("airflow.sdk.execution_time.supervisor").InProcessTestSupervisor._api_client().get("/health")


def airflow(*arguments: str) -> None:
    """Run one command of ``airflow`` in this process, as if it had been typed."""
    sys.argv = ["airflow", *arguments]
    import_module("airflow.__main__").main()


def end(status: object) -> NoReturn:
    """End the process as ``sys.exit`` would, but leave its memory to the system.

    The interpreter would take all that Airflow has loaded apart, object by object, for seconds.
    """
    if not isinstance(status, int | None):
        sys.stderr.write(f"{status}\n")
        status = 1
    atexit._run_exitfuncs()  # the log is flushed by one of them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except SystemExit as ended:
        end(ended.code)
    end(0)
