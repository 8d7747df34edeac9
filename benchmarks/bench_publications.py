"""Verify, download and compare of two large publications: ``python -m benchmarks.bench_publications``.

A and B have the columns of the report's list, other orders of rows, and some thousand differences; every row of C
differs from that of A in two columns. Each command runs in a process of its own, as a person's does; its seconds
include the start of Python and the reading of the configuration, which ``show`` measures. Where other work runs on the
machine, the ratio of CPU seconds says more than that of seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.export_bench import ROOT, WIDE, fill
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import export_chunks
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.planner import plan_export
from billing_aggregator.export.publish.commit import publish
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3

SAMPLE_SECONDS = 0.02
CHANGES = (
    "create unlogged table other as select * from wide order by customer_id",
    "drop table wide",
    "alter table other rename to wide",
    "update wide set amount_gross = amount_gross + 0.01 where customer_id / 7919 % 2000 = 7",
    "update wide set write_off_note = null where customer_id / 7919 % 1000 = 50",
    "delete from wide where customer_id / 7919 in (11, 12, 13)",
    "vacuum full wide",
)
CHANGES_ALL = (
    "update wide set amount_gross = amount_gross + 0.01, write_off_note = coalesce(write_off_note, '') || '!'",
    "vacuum full wide",
)


def main() -> None:
    """Measure and print a table; figures in ``build/bench-publications.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bda-bench-") as folder, EmbeddedPostgres() as postgres, LocalS3() as s3:
        s3.create_bucket("bench")
        dsn = postgres.dsn()
        fill(dsn, options.rows)
        for name, changes in (("a", ()), ("b", CHANGES), ("c", CHANGES_ALL)):
            with psycopg.connect(dsn, autocommit=True) as connection:
                for statement in changes:
                    connection.execute(statement)
            publish_wide(dsn, Path(folder, name).as_uri(), name, s3)
        publish_wide(dsn, "s3://bench", "c", s3)
        figures = measure(folder, s3.url, options.rounds)
    figures["rows"] = options.rows
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "bench-publications.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def publish_wide(dsn: str, target: str, run_id: str, s3: LocalS3) -> None:
    """Publish the table as ``bench/local``, in files of a million rows."""
    store = open_store(target, s3.client)
    run = ExportRun(target, "bench", "local", "2026-01-31", run_id)
    with closing(psycopg.connect(dsn)) as connection:
        plan = plan_export(connection, store, run, WIDE, ExportOptions(), timeout=0)
    with closing(psycopg.connect(dsn)) as connection:
        states = export_chunks(connection, store, plan, range(len(plan.chunks)), timeout=0)
    publish(lambda: psycopg.connect(dsn), store, [plan], states, timeout=0)


def measure(folder: str, s3_url: str, rounds: int) -> dict[str, Any]:
    """Return command -> median seconds and CPU seconds, and peak MiB, of its process."""
    a, b, c = (f"{folder}/{name}" for name in "abc")
    key = ["--key", "transaction_id"]
    commands = {
        "start": ["show", a],
        "verify A": ["verify", a],
        "verify B": ["verify", b],
        "verify C": ["verify", c],
        "compare A B": ["compare", a, b, *key],
        "compare A C": ["compare", a, c, *key],
        "compare A C, 256 MiB": ["compare", a, c, *key, "--memory", "256"],
        "compare A A": ["compare", a, a, *key],
        "download from S3 (moto)": ["download", "bench/local", "--to", f"{folder}/download-{{}}"],
    }
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
        "BDA_S3_URL": s3_url,
        "BDA_S3_BUCKET": "bench",
        "BDA_S3_ACCESS_KEY": "local",
        "BDA_S3_SECRET_ACCESS_KEY": "local-only",
    }
    found: dict[str, Any] = {}
    for name, arguments in commands.items():
        runs = [one(arguments, environment, number) for number in range(rounds)]
        found[name] = {
            "seconds": statistics.median(run[0] for run in runs),
            "cpu_seconds": statistics.median(run[1] for run in runs),
            "peak_mib": max(run[2] for run in runs),
        }
        print(name, found[name], file=sys.stderr, flush=True)
    for name, other in (("compare A B", "verify B"), ("compare A C", "verify C"), ("compare A C, 256 MiB", "verify C")):
        for unit in ("seconds", "cpu_seconds"):
            both = found["verify A"][unit] + found[other][unit]
            found[name][f"{unit}_ratio_to_verify_of_both"] = round(found[name][unit] / both, 2)
    return found


def one(arguments: list[str], environment: dict[str, str], number: int) -> tuple[float, float, int]:
    """Return the seconds, the CPU seconds and the peak MiB of one command.

    Its memory is sampled: what the system counts for a child begins with its parent's, which holds a bucket.
    """
    command = [sys.executable, "-m", "billing_aggregator", "publications", *(each.format(number) for each in arguments)]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = psutil.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        with suppress(psutil.NoSuchProcess):
            peak = max(peak, child.memory_info().rss)
        time.sleep(SAMPLE_SECONDS)
    assert child.returncode in (0, 1), child.returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(time.perf_counter() - started, 2), round(cpu, 2), peak >> 20


if __name__ == "__main__":
    main()
