"""A whole Airflow: metadata on Postgres, API server, scheduler with LocalExecutor, dag processor, triggerer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.local.postgres import EmbeddedPostgres, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The interpreter of another Airflow, to run the same night on it.
STACK_PYTHON = os.environ.get("STACK_PYTHON", sys.executable)
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
START_SECONDS = 150
GRACE_SECONDS = 15


class Stack:
    """Starts all components with a home of their own and talks to them by the REST API.

    :param project: folder with ``dags/``, ``include/`` and ``plugins/``.
    :param home: Airflow's home; component logs are ``<component>.log`` in it.
    :param variables: more environment variables.
    """

    def __init__(self, project: Path, home: Path, server: EmbeddedPostgres, variables: dict[str, str]) -> None:
        self.home = home
        self._port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._token = ""
        url = f"http://127.0.0.1:{self._port}"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_", "PYTHON"))
        }
        self._environment = clean | {
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
        } | variables  # fmt: skip

    def __enter__(self) -> Self:
        try:
            subprocess.run(self._command("db", "migrate"), env=self._environment, check=True, capture_output=True)
            for component in COMPONENTS:
                arguments = ("--port", str(self._port), "--workers", "1") if component == "api-server" else ()
                with (self.home / f"{component}.log").open("wb") as log:
                    self._processes.append(
                        subprocess.Popen(
                            self._command(component, *arguments),
                            env=self._environment,
                            stdout=log,
                            stderr=log,
                            start_new_session=True,
                        )
                    )
            self.wait(self._healthy, START_SECONDS, "Airflow is healthy")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue
            end = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < end and any(process.poll() is None for process in self._processes):
                time.sleep(0.2)

    @staticmethod
    def keeps_deadlines() -> bool:
        """Return whether this Airflow watches deadlines (3.3); an older one looks back when a run ends."""
        command = [STACK_PYTHON, "-c", "from importlib.metadata import version; print(version('apache-airflow'))"]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in found.split(".")[:2]) >= (3, 3)

    def wait(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Return the first true value of *condition*; fails after *seconds*."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.5)
        raise AssertionError(f"after {seconds} s still not: {what}; logs in {self.home}")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run as soon as the DAG is known; return its id."""
        body = {"logical_date": None, "conf": conf}
        self.wait(lambda: self._try("GET", f"/api/v2/dags/{dag_id}"), 90, f"{dag_id} is parsed")
        run_id: str = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return run_id

    def state(self, dag_id: str, run_id: str) -> str:
        state: str = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def ended(self, dag_id: str, run_id: str, seconds: float = 120) -> str:
        """Wait for the run's end and return its state."""
        final = ("success", "failed")
        self.wait(lambda: self.state(dag_id, run_id) in final, seconds, f"{dag_id} has ended")
        return self.state(dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return {task["task_id"]: task for task in self.call("GET", path)["task_instances"]}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the REST API and return its answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def _healthy(self) -> bool:
        health = self._try("GET", "/api/v2/monitor/health")
        if health is None or {part["status"] for part in health.values()} != {"healthy"}:
            return False
        self._token = self.call("GET", "/auth/token")["access_token"]
        return True

    def _try(self, method: str, path: str) -> Any:
        try:
            return self.call(method, path)
        except (urllib.error.URLError, OSError):
            return None

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [STACK_PYTHON, "-m", "airflow", *arguments]
