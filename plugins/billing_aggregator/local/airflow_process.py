"""Runs ``airflow dags test`` as a child process with an Airflow home of its own, and shows what it is doing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from billing_aggregator.local.loopback import loopback_exceptions
from billing_aggregator.runs.airflow_names import DRY_RUN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CONNECTION = "AIRFLOW_CONN_"
CHILD = "billing_aggregator.local.airflow_child"
POLL_SECONDS = 0.2
GRACE_SECONDS = 10
# These only carry our words; the name of a driver's exception says something.
OUR_WORDS = re.compile(r"\A(?:airflow\.[\w.]+|billing_aggregator\.[\w.]+\.UnreachableError): ")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True)
class TaskState:
    """A task instance as Airflow's database shows it; *seconds* is None before it has ended."""

    task_id: str
    state: str
    seconds: float | None


def names_connection(environ: Mapping[str, str], conn_id: str) -> bool:
    """Tell whether *environ* names an Airflow connection, which the process then finds."""
    return CONNECTION + conn_id.upper().replace("-", "_") in environ


class AirflowProcess:
    """One ``airflow dags test`` with its own home, metadata database and log file.

    :param home: folder for Airflow's home; is created.
    :param root: the project's folder with ``dags/`` and ``plugins/``.
    :param cache: folder that keeps an empty, migrated metadata database between runs.
    :param log: file for everything that Airflow prints.
    """

    def __init__(self, home: Path, root: Path, cache: Path, log: Path) -> None:
        self._home = home
        self._root = root
        self._template = cache / f"airflow-{version('apache-airflow')}.db"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._dag_id = ""
        self._environment: dict[str, str] = {}
        home.mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """Return the caller's environment with an Airflow set-up of this run's own; connections stay."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AIRFLOW") or name.startswith((CONNECTION, "AIRFLOW_VAR_"))
        }
        own = {
            "AIRFLOW_HOME": str(self._home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._root / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self._root / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # A busy machine is not an error.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }
        return kept | own | loopback_exceptions(os.environ)

    @property
    def database(self) -> Path:
        """The metadata database of this run."""
        return self._home / "airflow.db"

    def load(self, environment: Mapping[str, str]) -> None:
        """Start the child, which loads Airflow and waits for :meth:`test_dag`; nothing here waits for it.

        Its metadata database is a copy of the kept empty one; where there is none the child makes and keeps it. A later
        child of this run goes on with the first one's.
        """
        self._environment = dict(environment)
        if self._template.exists() and not self.database.exists():
            shutil.copyfile(self._template, self.database)
        command = [sys.executable, "-m", CHILD, str(self.database), str(self._template)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.PIPE, env=self._environment, start_new_session=True
            )

    def test_dag(self, dag_id: str, conf: str, variables: Mapping[str, str]) -> Iterator[list[TaskState]]:
        """Run the DAG in the child with more *variables*, and yield the states of all its tasks until it has ended.

        A child tests one DAG: for the next one another is loaded.
        """
        assert self._process is not None  # noqa: S101 - started by the caller
        if self._dag_id:
            self.load(self._environment)
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._dag_id = dag_id
        order = {"variables": dict(variables), "arguments": ["dags", "test", dag_id, "--conf", conf]}
        # A child that has ended already has said why in the log; its status says that it failed.
        with suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(order).encode() + b"\n")
        while self._process.poll() is None:
            yield self.task_states()
            time.sleep(POLL_SECONDS)
        yield self.task_states()

    @property
    def exit_status(self) -> int:
        """The status of the last command; -1 before it has ended."""
        code = self._process.poll() if self._process else None
        return -1 if code is None else code

    def task_states(self) -> list[TaskState]:
        """Read the task instances of the run of the last DAG; empty before Airflow has made them."""
        query = (
            "select task_id, map_index, coalesce(state, 'none'), start_date, end_date from task_instance "
            "where run_id = (select run_id from dag_run where dag_id = ? order by id desc limit 1) and dag_id = ?"
        )
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5) as database:
                rows = database.execute(query, [self._dag_id, self._dag_id]).fetchall()
        except sqlite3.OperationalError:
            return []
        return [
            TaskState(task if index < 0 else f"{task}[{index}]", state, _seconds(start, end))
            for task, index, state, start, end in rows
        ]

    def dry_runs(self) -> list[dict[str, Any]]:
        """Return what each export of a dry run would have published, by name."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5) as database:
            rows = database.execute("select value from xcom where key = ?", [DRY_RUN_KEY]).fetchall()
        found = [json.loads(value) for (value,) in rows]
        return sorted(found, key=lambda export: str(export["export"]))

    def stop(self) -> None:
        """End the child and everything that it started."""
        if self._process is None:
            return
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, signal_number)
                self._process.wait(GRACE_SECONDS)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue

    def error_of(self, task_id: str) -> str:
        """Return the error that the log shows for *task_id*; empty when it shows none."""
        error: list[str] = []
        block: list[str] | None = None
        for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
            if "[DAG TEST] starting task_id=" in line:
                current = line.split("starting task_id=", 1)[1].split(" ", 1)[0]
            if TIMESTAMP.match(line):
                if block is not None and current == task_id:
                    error = _exception_lines(block)
                block = [] if "Task failed with exception" in line else None
            elif block is not None:
                block.append(line)
        return OUR_WORDS.sub("", "\n".join(error))


def _seconds(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _exception_lines(block: list[str]) -> list[str]:
    """Return the last exception of a traceback: its message without the frames above it."""
    for index in range(len(block) - 1, -1, -1):
        if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Violation\w*|\w+): |[a-z_]+(\.\w+)+: ", block[index]):
            return block[index:]
    return block[-1:]
