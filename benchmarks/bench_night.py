"""A night under a real scheduler: ``python -m benchmarks.bench_night --against REV``.

Runs the sample's night on a whole Airflow (metadata in Postgres, API server, dag processor, scheduler with
LocalExecutor and 4 slots) and prints wall seconds, CPU seconds a task and seconds a phase; with ``--against`` the night
of another commit as well, in turns, with the same Python packages. Writes ``build/bench-night.json``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from billing_aggregator.local import warehouse
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY, LocalS3
from tests.stack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
CLIENT, ENVIRONMENT = "enercity", "local"
DAG_ID = f"billing_data_aggregator_{CLIENT}_{ENVIRONMENT}"
# The local S3 server keeps its buckets as long as this process lives: each night has one of its own.
BUCKETS = (f"night-{number}" for number in count(1))
PHASES = "select split_part(task_id, '.', 1), extract(epoch from max(end_date) - min(start_date)) from task_instance \
where run_id = %s group by 1 order by min(start_date)"
RUN = "select extract(epoch from end_date - start_date) from dag_run where run_id = %s"
TASKS = "select count(*), sum(extract(epoch from end_date - start_date)) from task_instance where run_id = %s"


@dataclass(frozen=True)
class Figures:
    """What a night took.

    :param wall_seconds: from the run's start to its end, as Airflow has them.
    :param task_seconds: sum of the tasks' own seconds.
    :param worker_cpu: CPU seconds of the executor's workers and their tasks, for each task.
    :param airflow_cpu: CPU seconds of all of Airflow during the run, for each task.
    :param phases: seconds from the start of a phase's first task to the end of its last one.
    """

    state: str
    tasks: int
    wall_seconds: float
    task_seconds: float
    worker_cpu: float
    airflow_cpu: float
    phases: dict[str, float]


def night(project: Path, slots: int, settings: dict[str, str]) -> Figures:
    """Start everything, run one night of *project*, and stop everything."""
    with (
        tempfile.TemporaryDirectory(prefix="bda-night-") as home,
        LocalS3() as s3,
        EmbeddedPostgres(options={"max_connections": "200"}) as server,
    ):
        bucket = next(BUCKETS)
        s3.create_bucket(bucket)
        warehouse.create_octopus(server)
        warehouse.load_vault(server, ROOT / "sample/vault.sql.gz")
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        variables = {
            "BDA_CLIENT_ID": CLIENT,
            "BDA_ENVIRONMENT": ENVIRONMENT,
            "BDA_DB_HOST": server.host,
            "BDA_DB_PORT": str(server.port),
            "BDA_DB_NAME": warehouse.DATABASE,
            "BDA_DB_USER": warehouse.ROLE,
            "BDA_S3_URL": s3.url,
            "BDA_S3_BUCKET": bucket,
            "BDA_S3_ACCESS_KEY": ACCESS_KEY,
            "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
            "AIRFLOW__CORE__PARALLELISM": str(slots),
            # Airflow's own default; the tests have a shorter one.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        } | settings
        with Stack(project, Path(home), server, variables) as stack:
            return _run(stack, server)


def _run(stack: Stack, server: EmbeddedPostgres) -> Figures:
    # Both have been up for long in production; the first request to each builds its routes, for seconds.
    stack.rest.call("GET", "/api/v2/monitor/health")
    stack.rest.call("GET", "/execution/health")
    before = _cpu(stack)
    run_id = stack.trigger(DAG_ID)
    state = stack.ended(DAG_ID, run_id)
    used = {name: seconds - before[name] for name, seconds in _cpu(stack).items()}
    with psycopg.connect(server.dsn("airflow")) as metadata:
        tasks, busy = _row(metadata.execute(TASKS, [run_id]))
        (wall,) = _row(metadata.execute(RUN, [run_id]))
        phases = {str(name): round(float(seconds), 1) for name, seconds in metadata.execute(PHASES, [run_id])}
    return Figures(
        state=state,
        tasks=int(tasks),
        wall_seconds=round(float(wall), 1),
        task_seconds=round(float(busy), 1),
        worker_cpu=round(used["workers"] / int(tasks), 2),
        airflow_cpu=round(sum(used.values()) / int(tasks), 2),
        phases=phases,
    )


def _row(rows: Any) -> tuple[Any, ...]:
    return tuple(next(iter(rows)))


def _cpu(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds of each component so far; the executor's workers apart from the scheduler."""
    found: dict[str, float] = {"workers": 0.0}
    for component, pid in stack.pids().items():
        process = psutil.Process(pid)
        children = process.children(recursive=True)
        own, below = _seconds([process]), _seconds(children)
        found[component] = own if component == "scheduler" else own + below
        found["workers"] += below if component == "scheduler" else 0.0
    return found


def _seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds of *processes* and of their children that have ended."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def checkout(revision: str, folder: Path) -> Path:
    """Write the project as *revision* has it into *folder* and return it; raises CalledProcessError for no commit."""
    command = ["git", "archive", revision, "dags", "include", "plugins"]
    packed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="tar")
    return folder


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_night", description="Time a night.")
    parser.add_argument("--against", metavar="REV", help="run the night of another commit too, in turns")
    parser.add_argument("--repeat", type=int, default=1, help="nights of each (1)")
    parser.add_argument("--slots", type=int, default=4, help="tasks that Airflow runs side by side (4)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an AIRFLOW__ variable")
    options = parser.parse_args(arguments)
    if options.repeat < 1 or options.slots < 1 or any("=" not in setting for setting in options.set):
        parser.error("--repeat and --slots are 1 or more, --set is NAME=VALUE")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Run the nights, print and write the figures; the exit status is 1 when a run has failed."""
    options = parse(arguments)
    # A terminated benchmark stops its servers as an interrupted one does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    settings = dict(setting.split("=", 1) for setting in options.set)
    with tempfile.TemporaryDirectory(prefix="bda-night-rev-") as folder:
        projects = {"this": ROOT}
        if options.against:
            projects[options.against] = checkout(options.against, Path(folder))
        nights: dict[str, list[Figures]] = {name: [] for name in projects}
        for turn in range(options.repeat):
            for name in list(projects) if turn % 2 == 0 else reversed(projects):
                figures = night(projects[name], options.slots, settings)
                print(f"{name}: {figures}", file=sys.stderr, flush=True)
                nights[name].append(figures)
    report(nights, settings, options.slots)
    if any(figures.state != "success" for runs in nights.values() for figures in runs):
        sys.exit("a run has failed: the figures say nothing")


def report(nights: dict[str, list[Figures]], settings: dict[str, str], slots: int) -> None:
    """Print the medians and their ratio, and write all figures to ``build/bench-night.json``."""
    wall = {name: statistics.median(figures.wall_seconds for figures in runs) for name, runs in nights.items()}
    print(f"a night, LocalExecutor, {slots} slots; {' '.join(f'{n}={v}' for n, v in settings.items())}\n")
    print("| | tasks | wall s | sum of tasks s | workers' CPU s a task | Airflow's CPU s a task |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, runs in nights.items():
        best = min(runs, key=lambda figures: abs(figures.wall_seconds - wall[name]))
        cells = (best.tasks, wall[name], best.task_seconds, best.worker_cpu, best.airflow_cpu)
        print(f"| {name} | {' | '.join(map(str, cells))} |")
        print(f"  phases: {', '.join(f'{phase} {seconds}' for phase, seconds in best.phases.items())}", file=sys.stderr)
    names = list(nights)
    ratio = round(wall["this"] / wall[names[1]], 3) if len(names) > 1 else None
    if ratio is not None:
        print(f"\nratio to {names[1]}: {ratio}")
    found = {
        "nights": {name: [asdict(figures) for figures in runs] for name, runs in nights.items()},
        "ratio": ratio,
        "slots": slots,
        "settings": settings,
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}",
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/bench-night.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
