"""CPU and memory of the DAGs: ``python -m benchmarks.bench_dags --clients 500``.

Builds and serialises the DAG of each of so many clients, and beside each of them, in the same process, a DAG of as many
empty tasks: what no package of this size could go below. Then a real dag processor takes a folder with all of them in
one pass. Prints CPU milliseconds a DAG and writes ``build/bench-dags.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import DAG

ROOT = Path(__file__).resolve().parents[1]
AIRFLOW = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "3600",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "3600",
}
PART = """# One Airflow DAG for each client of this part.
from billing_aggregator.dag import build_dags

globals().update(build_dags(part={part}, of={of}))
"""
T = TypeVar("T")


def write_project(folder: Path, clients: int, files: int = 1) -> Path:
    """Write a project of so many clients and DAG files into *folder* as it is deployed; return its clients file."""
    content = yaml.safe_load((ROOT / "include/clients.yaml").read_text(encoding="utf-8"))
    names = [f"client-{number:04d}" for number in range(clients)]
    content["clients"] = {name: {"prod": {"s3_bucket": f"bucket-{name}"}} for name in names}
    skipped = shutil.ignore_patterns("__pycache__")
    for copied in ("dags", "plugins"):
        shutil.copytree(ROOT / copied, folder / copied, ignore=skipped)
    shutil.copytree(ROOT / "include/sql", folder / "include/sql")
    if files > 1:
        (folder / "dags/billing_data_aggregator.py").unlink()
        for part in range(1, files + 1):
            (folder / f"dags/billing_{part}.py").write_text(PART.format(part=part, of=files), encoding="utf-8")
    path = folder / "include/clients.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def measure(path: Path) -> dict[str, Any]:
    """Build and serialise the DAG of each client in *path*, and one of empty tasks after each; in this process."""
    from airflow.serialization.serialized_objects import DagSerialization

    from billing_aggregator.config import BrokenConfig, load_clients
    from billing_aggregator.dag.build import build_or_explain
    from billing_aggregator.sql.read_once import ReadOnce

    seconds: dict[str, list[float]] = {name: [] for name in ("build", "serialise", "floor_build", "floor_serialise")}
    tasks = 0
    started = time.process_time()
    configs = load_clients(path)
    load = time.process_time() - started
    first = True
    once = ReadOnce()
    for config in configs:
        if isinstance(config, BrokenConfig):
            raise SystemExit(f"error: {config.error}")
        dag, build = _timed(partial(build_or_explain, config, None, once))
        assert dag is not None
        _, serialise = _timed(partial(DagSerialization.to_dict, dag))
        tasks = len(dag.tasks)
        empty, floor_build = _timed(partial(_empty, config.dag_id, tasks))
        _, floor_serialise = _timed(partial(DagSerialization.to_dict, empty))
        if first:
            # What a process does once, such as imports and reading the scripts, belongs to no single DAG.
            first = False
            continue
        for name, value in zip(seconds, (build, serialise, floor_build, floor_serialise), strict=True):
            seconds[name].append(value)
    return {
        "clients": len(configs),
        "tasks_per_dag": tasks,
        "load_ms": round(1000 * load / len(configs), 2),
        **{f"{name}_ms": round(1000 * statistics.median(values), 2) for name, values in seconds.items()},
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def _empty(dag_id: str, tasks: int) -> DAG:
    """Return a DAG of empty tasks in a row, with none of our arguments."""
    from datetime import UTC, datetime

    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG, chain

    with DAG(f"empty_{dag_id}", schedule="0 2 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        chain(*(EmptyOperator(task_id=f"task_{number:03d}") for number in range(tasks)))
    return dag


def processor_pass(folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds of a dag processor's first pass over *folder*, start of Airflow included."""
    airflow = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([airflow, "db", "migrate"], check=True, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    started = time.monotonic()
    subprocess.run(
        [airflow, "dag-processor", "-n", "1"], check=True, env=environment, cwd=folder, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - started


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50, help="DAGs (50)")
    parser.add_argument("--files", type=int, default=1, help="DAG files that the clients are split into (1)")
    parser.add_argument("--no-processor", action="store_true", help="leave out the dag processor's pass")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        sys.stdout.write(json.dumps(measure(arguments.measure)))
        return
    if arguments.clients < 2 or arguments.files < 1:
        parser.error("--clients is 2 or more, --files 1 or more")
    with tempfile.TemporaryDirectory(prefix="bda-bench-") as name:
        folder = Path(name)
        path = write_project(folder, arguments.clients, arguments.files)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "BDA_"))}
        environment |= AIRFLOW | {"AIRFLOW_HOME": name, "PYTHONPATH": f"{folder / 'plugins'}:{ROOT}"}
        command = [sys.executable, "-m", "benchmarks.bench_dags", "--measure", str(path)]
        done = subprocess.run(command, check=True, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        if not arguments.no_processor:
            figures["files"] = arguments.files
            figures["processor_seconds"] = round(processor_pass(folder, environment), 1)
    figures["machine"] = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    report(figures)


def report(figures: dict[str, Any]) -> None:
    """Print the figures and write them to ``build/bench-dags.json``."""
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/bench-dags.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    lines = [f"{figures['clients']} DAGs of {figures['tasks_per_dag']} tasks; {figures['machine']}", ""]
    lines += ["| CPU ms a DAG | ours | empty tasks | ratio |", "|---|---:|---:|---:|"]
    for what in ("build", "serialise"):
        ours, floor = figures[f"{what}_ms"], figures[f"floor_{what}_ms"]
        lines.append(f"| {what} | {ours:.1f} | {floor:.1f} | {ours / floor:.2f} |")
    lines += ["", f"reading the configuration: {figures['load_ms']} CPU ms a DAG"]
    lines.append(f"peak memory: {figures['peak_mib']} MiB")
    if "processor_seconds" in figures:
        lines.append(f"a dag processor's first pass over {figures['files']} files: {figures['processor_seconds']} s")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
