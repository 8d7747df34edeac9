"""A whole Airflow: metadata on Postgres, API server, scheduler with LocalExecutor, dag processor, triggerer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import psutil

from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from tests.stack.rest import Rest
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The interpreter of another Airflow, to run the same tests on it.
STACK_PYTHON = os.environ.get("STACK_PYTHON", sys.executable)
FINAL = ("success", "failed")
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
GRACE_SECONDS = 15
# Airflow considers slow components dead: on a busy machine its defaults would lose DAGs, tasks and messages.
UNHURRIED = {
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "900",
    "AIRFLOW__DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD": "900",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "900",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "900",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "3600",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "900",
    "AIRFLOW__TRIGGERER__RUNNER_HEALTH_CHECK_THRESHOLD": "900",
}


class Stack:
    """Starts all components with a home of their own and talks to them by the REST API.

    :param project: folder with ``dags/``, ``include/`` and ``plugins/``.
    :param home: Airflow's home; component logs are ``<component>.log`` in it.
    :param variables: more environment variables.
    :param inside: what each component's command is preceded by.
    """

    def __init__(
        self,
        project: Path,
        home: Path,
        server: EmbeddedPostgres,
        variables: dict[str, str],
        inside: Sequence[str] = (),
    ) -> None:
        self.home = home
        self._inside = inside
        self._port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        url = f"http://127.0.0.1:{self._port}"
        self.rest = Rest(url)
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_", "PYTHON"))
        }
        self.environment = clean | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-for-this-test-only-0123456789",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
                f"postgresql+psycopg2://{server.superuser}@{server.host}:{server.port}/airflow"
            ),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONWARNINGS": "ignore",
        } | UNHURRIED | variables  # fmt: skip

    def __enter__(self) -> Self:
        try:
            subprocess.run(self._command("db", "migrate"), env=self.environment, check=True, capture_output=True)
            for component in COMPONENTS:
                self.start(component)
            wait_for(self._healthy, f"Airflow is healthy; logs in {self.home}")
            self.rest.token = self.rest.call("GET", "/auth/token")["access_token"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for component in list(self._processes):
            self._signal(component, signal.SIGTERM)
        for component in list(self._processes):
            with suppress(subprocess.TimeoutExpired):
                self._processes[component].wait(GRACE_SECONDS)
            self.stop(component, signal.SIGKILL)

    def start(self, component: str) -> None:
        """Start one component; its log is appended."""
        arguments = ("--port", str(self._port), "--workers", "1") if component == "api-server" else ()
        with (self.home / f"{component}.log").open("ab") as log:
            self._processes[component] = subprocess.Popen(
                [*self._inside, *self._command(component, *arguments)],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, component: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to a component and wait for its end; KILL also hits its tasks, as when a container dies."""
        process = self._processes[component]
        dies = number == signal.SIGKILL and process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True) if dies else []
        self._signal(component, number)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._processes.pop(component).wait()

    def pids(self) -> dict[str, int]:
        """Return the process id of each component that was started."""
        return {component: process.pid for component, process in self._processes.items()}

    def _signal(self, component: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._processes[component].pid, number)

    @staticmethod
    def keeps_deadlines() -> bool:
        """Return whether this Airflow watches deadlines (3.3); an older one checks them when a run ends."""
        command = [STACK_PYTHON, "-c", "from importlib.metadata import version; print(version('apache-airflow'))"]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in found.split(".")[:2]) >= (3, 3)

    def trigger(self, dag_id: str, logical_date: datetime | None = None, **conf: Any) -> str:
        """Start a run as soon as the DAG is known; return its id."""
        wait_for(
            lambda: self.rest.try_once("GET", f"/api/v2/dags/{dag_id}"), f"{dag_id} is parsed; logs in {self.home}"
        )
        # With our own id a repeated call starts one run only.
        run_id = f"manual__{datetime.now(UTC).isoformat()}"
        body = {"logical_date": logical_date and logical_date.isoformat(), "dag_run_id": run_id, "conf": conf}
        self.rest.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
        return run_id

    def state(self, dag_id: str, run_id: str) -> str:
        state: str = self.rest.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def ended(self, dag_id: str, run_id: str) -> str:
        """Wait for the run's end and return its state."""
        wait_for(lambda: self.state(dag_id, run_id) in FINAL, f"{dag_id} has ended; logs in {self.home}")
        return self.state(dag_id, run_id)

    def run_states(self, dag_id: str) -> dict[str, int]:
        """Return how many runs of a DAG are in which state, of the first thousand."""
        runs = self.rest.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=1000")["dag_runs"]
        return dict(sorted(Counter(run["state"] for run in runs).items()))

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return {task["task_id"]: task for task in self.rest.call("GET", path)["task_instances"]}

    def clear(self, dag_id: str, run_id: str, *tasks: str, downstream: bool = False) -> None:
        """Clear tasks of a run, or all of them, as the UI does."""
        body: dict[str, Any] = {"dry_run": False, "only_failed": False}
        if tasks:
            body |= {"dag_run_id": run_id, "task_ids": list(tasks), "include_downstream": downstream}
            self.rest.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)
        else:
            self.rest.call("POST", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", body)

    def mark(self, dag_id: str, run_id: str, state: str, task: str = "") -> None:
        """Set the state of a run, or of one of its tasks."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}" + (f"/taskInstances/{task}" if task else "")
        body = {"new_state" if task else "state": state}
        self.rest.call("PATCH", path, body)

    def pause(self, dag_id: str, paused: bool) -> None:
        self.rest.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def _healthy(self) -> bool:
        health = self.rest.try_once("GET", "/api/v2/monitor/health")
        return health is not None and {part["status"] for part in health.values()} == {"healthy"}

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [STACK_PYTHON, "-m", "airflow", *arguments]
