"""Speed and memory of the export, against psql and against SqlToS3Operator: ``python -m benchmarks.bench_export``.

Every round measures each variant once, each round in another order, so that a noisy machine is noisy for all of them;
the figures are medians, the ratios are rows per second of a variant over psql's in the same run. ``--no-pandas`` leaves
out the comparison, which needs gigabytes; ``--memory-rows 10000000`` measures memory on a table of that size.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import psycopg2

from benchmarks.export_worker import s3_client
from benchmarks.s3_sink import Sink
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import ChunkState
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.publish.commit import publish
from billing_aggregator.export.reader import current_manifest, read_csv
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store

ROOT = Path(__file__).resolve().parents[1]
WIDE = Export("wide", table=("public", "wide"))
DRIVERS = {"psycopg": psycopg, "psycopg2": psycopg2}
MIB = 1 << 20


class Workers:
    """Processes that have imported everything and wait for work, as Celery workers do."""

    def __init__(self, number: int) -> None:
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
        command = [sys.executable, "-m", "benchmarks.export_worker"]
        self._all = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
            )
            for _ in range(number)
        ]
        for process in self._all:
            assert process.stdout is not None
            process.stdout.readline()

    def do(self, units: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give each worker one unit at the same time; return their figures when all are done."""
        for process, unit in zip(self._all, units, strict=False):
            assert process.stdin is not None
            process.stdin.write(json.dumps(unit) + "\n")
            process.stdin.flush()
        answers = []
        for process, _ in zip(self._all, units, strict=False):
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
        return answers

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.communicate()


class Bench:
    """The servers, the table and the variants."""

    def __init__(self, rows: int, rows_per_file: int, stack: ExitStack) -> None:
        self.rows = rows
        self.rows_per_file = rows_per_file
        self.postgres = stack.enter_context(EmbeddedPostgres())
        self.dsn = self.postgres.dsn()
        self.sink = stack.enter_context(Sink())
        self.moto = stack.enter_context(LocalS3())
        self.moto.create_bucket("bench")
        self.folder = Path(tempfile.mkdtemp(prefix="bda-bench-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.workers = Workers(2)
        stack.callback(self.workers.close)
        self.psql = shutil.which("psql") or str(self.postgres.binary("psql"))
        fill(self.dsn, rows)

    def place(self, kind: str) -> tuple[str, str]:
        """Return target and endpoint of ``sink``, ``moto`` or ``folder``."""
        if kind == "folder":
            return self.folder.as_uri(), ""
        return "s3://bench", self.sink.url if kind == "sink" else self.moto.url

    def store(self, kind: str) -> Store:
        """Return the store of that kind."""
        target, endpoint = self.place(kind)
        return open_store(target, lambda: s3_client(endpoint))

    def plan(self, kind: str, driver: str, **options: Any) -> ExportPlan:
        """Plan the export of the whole table."""
        target, _ = self.place(kind)
        run = ExportRun(target, "bench", "local", "2026-01-31", f"run {time.time_ns()}")
        chosen = ExportOptions.model_validate({"max_rows_per_file": self.rows_per_file} | options)
        with closing(DRIVERS[driver].connect(self.dsn)) as connection:
            return plan_export(connection, self.store(kind), run, WIDE, chosen, timeout=0)

    def units(self, plan: ExportPlan, kind: str, driver: str, workers: int) -> list[dict[str, Any]]:
        """Divide a plan among workers."""
        target, endpoint = self.place(kind)
        indexes = [chunk.index for chunk in plan.chunks]
        size = -(-len(indexes) // workers)
        shares = [indexes[start : start + size] for start in range(0, len(indexes), size)]
        common = {"dsn": self.dsn, "driver": driver, "target": target, "endpoint": endpoint, "plan": plan.to_json()}
        return [common | {"chunks": share} for share in shares]

    def reference(self) -> float:
        """Return the seconds of psql, the same table to nowhere."""
        command = [self.psql, self.dsn, "-c", "COPY (SELECT * FROM wide) TO STDOUT (FORMAT csv)"]
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    def one_worker(self, kind: str, driver: str, **options: Any) -> float:
        """Return the seconds of one task that exports all files; the plan is there."""
        plan = self.plan(kind, driver, **options)
        (done,) = self.workers.do(self.units(plan, kind, driver, 1))
        assert done["rows"] == self.rows
        self._tidy(kind, plan)
        return float(done["seconds"])

    def two_workers(self, kind: str, driver: str, **options: Any) -> float:
        """Return the seconds of planning and of two tasks side by side."""
        started = time.perf_counter()
        plan = self.plan(kind, driver, **options)
        done = self.workers.do(self.units(plan, kind, driver, 2))
        seconds = time.perf_counter() - started
        assert sum(each["rows"] for each in done) == self.rows
        self._tidy(kind, plan)
        return seconds

    def planning(self) -> float:
        """Return the seconds of a plan."""
        started = time.perf_counter()
        self.plan("sink", "psycopg")
        return time.perf_counter() - started

    def whole_protocol(self, kind: str, driver: str, workers: int, **options: Any) -> float:
        """Return the seconds of plan, export and publication with its verification against the database."""
        started = time.perf_counter()
        plan = self.plan(kind, driver, **options)
        done = self.workers.do(self.units(plan, kind, driver, workers))
        states = [ChunkState.from_json(state) for each in done for state in each["states"]]
        publish(lambda: DRIVERS[driver].connect(self.dsn), self.store(kind), [plan], states, timeout=0)
        return time.perf_counter() - started

    def _tidy(self, kind: str, plan: ExportPlan) -> None:
        if kind != "sink":
            for chunk in plan.chunks:
                self.store(kind).abort(chunk.upload)


def fill(dsn: str, rows: int) -> None:
    """Create the table ``wide`` with so many rows."""
    statement = (ROOT / "benchmarks" / "wide_table.sql").read_text().replace(":rows", str(rows))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop table if exists wide")
        connection.execute(statement)
        connection.execute("vacuum analyze wide")


def measure(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """Return variant → seconds of each round."""
    variants: dict[str, Callable[[], float]] = {
        "psql to nowhere": bench.reference,
        "plan": bench.planning,
        "one worker, psycopg 3, S3 sink": lambda: bench.one_worker("sink", "psycopg"),
        "one worker, psycopg2, S3 sink": lambda: bench.one_worker("sink", "psycopg2"),
        "one worker, psycopg 3, folder": lambda: bench.one_worker("folder", "psycopg"),
        "one worker, psycopg 3, gzip, S3 sink": lambda: bench.one_worker("sink", "psycopg", compression="gzip"),
        "one worker, psycopg 3, chunk totals, S3 sink": lambda: bench.one_worker("sink", "psycopg", chunk_totals=True),
        "two workers with plan, psycopg 3, S3 sink": lambda: bench.two_workers("sink", "psycopg"),
        "two workers with plan, psycopg2, S3 sink": lambda: bench.two_workers("sink", "psycopg2"),
        "two workers, whole protocol, folder": lambda: bench.whole_protocol("folder", "psycopg", 2),
        "one worker, psycopg 3, moto": lambda: bench.one_worker("moto", "psycopg"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(rounds + 1):
        names.append(names.pop(0))  # nobody always follows the same neighbour
        for name in names:
            taken = variants[name]()
            if number:  # the first round warms up caches and connections
                seconds[name].append(taken)
        print(f"round {number} of {rounds} done", file=sys.stderr)
    return seconds


def memory(bench: Bench, driver: str) -> dict[str, float]:
    """Return the memory of a fresh process that exports the table."""
    workers = Workers(1)
    plan = bench.plan("sink", driver)
    (done,) = workers.do(bench.units(plan, "sink", driver, 1))
    workers.close()
    return {
        "rows": done["rows"],
        "import_mib": done["rss_mib"],
        "peak_mib": done["peak_mib"],
        "above_import_mib": done["peak_mib"] - done["rss_mib"],
    }


def compare_with_pandas(bench: Bench) -> dict[str, Any]:
    """Run SqlToS3Operator and our whole protocol on the same S3 server; load both back and count what differs."""
    url, place = urlsplit(bench.moto.url), psycopg.conninfo.conninfo_to_dict(bench.dsn)
    home = tempfile.mkdtemp(prefix="bda-bench-airflow-")
    environment = os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW_CONN_BENCH_POSTGRES": f"postgres://{place['user']}@{place['host']}:{place['port']}/{place['dbname']}",
        "AIRFLOW_CONN_BENCH_AWS": json.dumps(
            {"conn_type": "aws", "login": "local", "password": "local-only",
             "extra": {"endpoint_url": f"http://{url.netloc}", "region_name": "eu-central-1"}}
        ),
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.pandas_export", "bench", str(bench.rows_per_file)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    theirs: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    ours = bench.whole_protocol("moto", "psycopg", 1)
    client = bench.moto.client()
    keys = [found["Key"] for found in client.list_objects_v2(Bucket="bench", Prefix="pandas/")["Contents"]]
    manifest = current_manifest(bench.store("moto"), "bench", "local")
    assert manifest is not None
    export = manifest.exports["wide"]
    return {
        **theirs,
        "above_import_mib": theirs["peak_mib"] - theirs["rss_mib"],
        "ours_seconds": ours,
        "rows_that_differ": differing(
            bench, [client.get_object(Bucket="bench", Key=key)["Body"].read() for key in sorted(keys)]
        ),
        "ours_rows_that_differ": differing(bench, [read_csv(bench.store("moto"), export, f) for f in export.files]),
    }


def differing(bench: Bench, files: list[bytes]) -> int | str:
    """Load files back; return how many rows of the table are not among them, or why they do not load."""
    with psycopg.connect(bench.dsn) as connection:
        connection.execute("create temp table back (like wide)")
        try:
            for data in files:
                with connection.cursor().copy("copy back from stdin (format csv, header)") as copy:
                    copy.write(data)
        except psycopg.Error as error:
            return f"does not load: {str(error).splitlines()[0]}"
        missing = "select * from wide except all select * from back"
        found = connection.execute(f"select count(*) from ({missing}) missing").fetchone()
        assert found is not None
        return int(found[0])


def summary(bench: Bench, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians and ratios."""
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    reference = medians["psql to nowhere"]
    plain = medians["one worker, psycopg 3, S3 sink"]
    return {
        "rows": bench.rows,
        "rows_per_file": bench.rows_per_file,
        "machine": f"{os.cpu_count()} cores, {platform.platform()}",
        "versions": {
            "python": platform.python_version(),
            "postgres": bench.postgres.version,
            "psycopg": psycopg.__version__,
            "psycopg2": importlib.metadata.version("psycopg2-binary"),
        },
        "seconds": medians,
        "all_seconds": seconds,
        "ratio_to_psql": {name: reference / taken for name, taken in medians.items()},
        "one_worker_ratio_to_psql": reference / plain,
        "one_worker_psycopg2_ratio_to_psql": reference / medians["one worker, psycopg2, S3 sink"],
        "one_worker_folder_ratio_to_psql": reference / medians["one worker, psycopg 3, folder"],
        "two_workers_ratio_to_psql": reference / medians["two workers with plan, psycopg 3, S3 sink"],
        "gzip_ratio_to_plain": plain / medians["one worker, psycopg 3, gzip, S3 sink"],
    }


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n{figures['rows']:,} rows, {figures['rows_per_file']:,} a file; {figures['machine']}")
    print(f"{figures['versions']}\n")
    print(f"| {'variant':46} | seconds | rows/s    | of psql |\n|{'-' * 48}|--------:|----------:|--------:|")
    for name, taken in figures["seconds"].items():
        speed, ratio = figures["rows"] / taken, figures["ratio_to_psql"][name]
        print(f"| {name:46} | {taken:7.2f} | {speed:9,.0f} | {ratio:7.2f} |")
    for driver, used in figures["memory"].items():
        print(f"\nmemory, {driver}: {used['above_import_mib']:.0f} MiB above import at {used['rows']:,} rows")
    if compared := figures.get("sql_to_s3_operator"):
        print(f"\nSqlToS3Operator: {compared}")


def main() -> None:
    """Measure and write ``build/bench-export.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rows-per-file", type=int, help="default: half of the rows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-rows", type=int, help="measure memory on a table of this size; default: --rows")
    parser.add_argument("--pandas", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench-export.json")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        bench = Bench(arguments.rows, arguments.rows_per_file or -(-arguments.rows // 2), stack)
        figures = summary(bench, measure(bench, arguments.rounds))
        if arguments.pandas:
            compared = compare_with_pandas(bench)
            figures["sql_to_s3_operator"] = compared
        if arguments.memory_rows:
            fill(bench.dsn, arguments.memory_rows)
        figures["memory"] = {driver: memory(bench, driver) for driver in DRIVERS}
    peak = max(used["above_import_mib"] for used in figures["memory"].values())
    figures["peak_mib_above_import"] = peak
    if arguments.pandas and "seconds" in figures["sql_to_s3_operator"]:
        plain = figures["seconds"]["one worker, psycopg 3, moto"]
        figures["times_faster_than_sql_to_s3_operator"] = figures["sql_to_s3_operator"]["seconds"] / plain
        figures["share_of_its_memory"] = peak / figures["sql_to_s3_operator"]["above_import_mib"]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    show(figures)


if __name__ == "__main__":
    main()
