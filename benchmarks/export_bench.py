"""What the benchmark of the export measures on: the servers, the table, the processes that work, each variant."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from benchmarks.export_worker import DRIVERS, s3_client
from benchmarks.s3_sink import Sink
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import ChunkState
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.publish.commit import publish
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3

if TYPE_CHECKING:
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store

ROOT = Path(__file__).resolve().parents[1]
WIDE = Export("wide", table=("public", "wide"))
MIB = 1 << 20


class Taken(NamedTuple):
    """Seconds of one measurement, and the CPU seconds of psql or of our workers; None where there are none."""

    seconds: float
    client_cpu: float | None = None


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
        self.bytes = 0  # of the rows, known when they have been received once
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

    def reference(self) -> Taken:
        """Return what psql takes, the same table to nowhere."""
        command = [self.psql, self.dsn, "-c", "COPY (SELECT * FROM wide) TO STDOUT (FORMAT csv)"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def server_limit(self) -> Taken:
        """Return what the server itself takes: the same COPY to a file of its own that keeps nothing."""
        started = time.perf_counter()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("copy (select * from wide) to '/dev/null' (format csv)")
        return Taken(time.perf_counter() - started)

    def receiving(self, driver: str) -> Taken:
        """Return what it takes to receive the rows, which are thrown away."""
        plan = self.plan("sink", driver)
        common = {"dsn": self.dsn, "driver": driver, "plan": plan.to_json()}
        done = self.workers.do([common])
        self.bytes = done[0]["bytes"]
        return self._taken(done)

    def one_worker(self, kind: str, driver: str, **options: Any) -> Taken:
        """Return what one task takes that exports all files; the plan is there."""
        plan = self.plan(kind, driver, **options)
        taken = self._taken(self.workers.do(self.units(plan, kind, driver, 1)))
        self._tidy(kind, plan)
        return taken

    def two_workers(self, kind: str, driver: str, **options: Any) -> Taken:
        """Return what planning and two tasks side by side take."""
        started = time.perf_counter()
        plan = self.plan(kind, driver, **options)
        done = self.workers.do(self.units(plan, kind, driver, 2))
        taken = self._taken(done)._replace(seconds=time.perf_counter() - started)
        self._tidy(kind, plan)
        return taken

    def _taken(self, done: list[dict[str, Any]]) -> Taken:
        assert sum(each["rows"] for each in done) == self.rows
        return Taken(max(each["seconds"] for each in done), sum(each["cpu_seconds"] for each in done))

    def planning(self) -> Taken:
        """Return what a plan takes."""
        started = time.perf_counter()
        self.plan("sink", "psycopg")
        return Taken(time.perf_counter() - started)

    def whole_protocol(self, kind: str, driver: str, workers: int, **options: Any) -> Taken:
        """Return the seconds of plan, export and publication with its verification against the database."""
        started = time.perf_counter()
        plan = self.plan(kind, driver, **options)
        done = self.workers.do(self.units(plan, kind, driver, workers))
        states = [ChunkState.from_json(state) for each in done for state in each["states"]]
        publish(lambda: DRIVERS[driver].connect(self.dsn), self.store(kind), [plan], states, timeout=0)
        return Taken(time.perf_counter() - started)

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
