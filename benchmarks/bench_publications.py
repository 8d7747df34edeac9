"""Verify, download and compare of two large publications: ``python -m benchmarks.bench_publications``.

The two publications have the columns of the report's list, other orders of rows, and some thousand differences. Each
command runs in a process of its own, as a person's does; seconds are the process's, without starting Python and reading
the configuration, which ``list`` measures.
"""

from __future__ import annotations

import argparse
import json
import os
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
        places = [Path(folder, "a").as_uri(), Path(folder, "b").as_uri()]
        publish_wide(dsn, places[0], "a", s3)
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in CHANGES:
                connection.execute(statement)
        publish_wide(dsn, places[1], "b", s3)
        publish_wide(dsn, "s3://bench", "b", s3)
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
    """Return command -> median seconds and peak MiB of its process."""
    a, b = f"{folder}/a", f"{folder}/b"
    commands = {
        "start": ["show", a],
        "verify A": ["verify", a],
        "verify B": ["verify", b],
        "compare A B": ["compare", a, b, "--key", "transaction_id"],
        "compare A A": ["compare", a, a, "--key", "transaction_id"],
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
        found[name] = {"seconds": statistics.median(run[0] for run in runs), "peak_mib": max(run[1] for run in runs)}
        print(name, found[name], file=sys.stderr, flush=True)
    both = found["verify A"]["seconds"] + found["verify B"]["seconds"]
    found["compare_ratio_to_verify_of_both"] = round(found["compare A B"]["seconds"] / both, 2)
    return found


def one(arguments: list[str], environment: dict[str, str], number: int) -> tuple[float, int]:
    """Return the seconds and the peak MiB of one command.

    Its memory is sampled: what the system counts for a child begins with its parent's, which holds a bucket.
    """
    command = [sys.executable, "-m", "billing_aggregator", "publications", *(each.format(number) for each in arguments)]
    started = time.perf_counter()
    child = psutil.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        with suppress(psutil.NoSuchProcess):
            peak = max(peak, child.memory_info().rss)
        time.sleep(SAMPLE_SECONDS)
    assert child.returncode in (0, 1), child.returncode
    return round(time.perf_counter() - started, 2), peak >> 20


if __name__ == "__main__":
    main()
