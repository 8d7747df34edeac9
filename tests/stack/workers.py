"""Airflow as on MWAA: CeleryExecutor, a broker, workers that share no folder with each other or the scheduler."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psutil

from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from tests.deploy.support import missing_tool
from tests.stack.stack import GRACE_SECONDS, STACK_PYTHON
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_LOG = re.compile(r"map_index=(\d+)/attempt=(\d+)\.log$")


class Redis:
    """A Redis server on 127.0.0.1 that keeps nothing on disk; skips loudly where redis-server is not installed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder

    def __enter__(self) -> Self:
        program = shutil.which("redis-server") or missing_tool(
            "redis-server is not installed (Debian: apt-get install redis-server): two workers are not tried"
        )
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self._folder / "redis.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def celery(redis: Redis, server: EmbeddedPostgres) -> dict[str, str]:
    """Return the variables of an Airflow whose tasks run on Celery workers."""
    metadata = f"{server.superuser}@{server.host}:{server.port}/airflow"
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": redis.url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{metadata}",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    }


@dataclass
class Worker:
    """One worker with a folder of its own: its copy of the project, its Airflow home with its logs.

    :param name: its name among Celery's nodes.
    :param project: folder with ``dags/``, ``include/`` and ``plugins/`` that no other process reads, and ``home/``.
    :param variables: the environment of the other components.
    """

    name: str
    project: Path
    variables: dict[str, str]

    def __enter__(self) -> Self:
        own = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.project / "plugins"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            # It is root in a container; elsewhere it does not matter.
            "C_FORCE_ROOT": "1",
        }
        command = [STACK_PYTHON, "-m", "airflow", "celery", "worker", "--concurrency", "1"]
        command += ["--celery-hostname", f"{self.name}@%h"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self.variables | own, cwd=self.home, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the worker and all its processes at once, as when its machine is gone."""
        processes: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            processes = psutil.Process(self._process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    @property
    def home(self) -> Path:
        """Its Airflow home."""
        return self.project / "home"

    @property
    def _log(self) -> Path:
        return self.home / "worker.log"

    def wait_ready(self) -> None:
        """Wait until it takes tasks."""

        def ready() -> bool:
            assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
            return "ready." in self._log.read_text(errors="replace")

        wait_for(ready, f"worker {self.name} is ready; its log is {self._log}")

    def chunks(self, run_id: str) -> dict[int, list[int]]:
        """Return unit → attempts of the export's mapped tasks that ran here, by the logs in its own home."""
        found: dict[int, list[int]] = {}
        for path in (self.home / "logs").glob(f"*/run_id={run_id}/task_id=export.*.chunk/map_index=*/attempt=*.log"):
            if match := CHUNK_LOG.search(path.as_posix()):
                found.setdefault(int(match[1]), []).append(int(match[2]))
        return {unit: sorted(attempts) for unit, attempts in found.items()}

    def text(self, run_id: str) -> str:
        """Return everything that tasks of a run logged here."""
        logs = sorted((self.home / "logs").glob(f"*/run_id={run_id}/**/*.log"))
        return "\n".join(path.read_text(encoding="utf-8") for path in logs)
