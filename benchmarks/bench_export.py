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
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.compare_with_pandas import compare_with_pandas
from benchmarks.export_bench import ROOT, Bench, Taken, Workers, fill
from benchmarks.export_parts import parts_of_a_worker
from benchmarks.export_worker import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Callable


PSQL = "psql to nowhere"
SERVER = "the server's COPY to /dev/null"
RECEIVING = "receiving alone, psycopg 3"
ONE_WORKER = "one worker, psycopg 3, S3 sink"


def measure(bench: Bench, rounds: int) -> dict[str, list[Taken]]:
    """Return variant → what each round took."""
    variants: dict[str, Callable[[], Taken]] = {
        PSQL: bench.reference,
        SERVER: bench.server_limit,
        RECEIVING: lambda: bench.receiving("psycopg"),
        "receiving alone, psycopg2": lambda: bench.receiving("psycopg2"),
        "plan": bench.planning,
        ONE_WORKER: lambda: bench.one_worker("sink", "psycopg"),
        "one worker, psycopg2, S3 sink": lambda: bench.one_worker("sink", "psycopg2"),
        "one worker, psycopg 3, folder": lambda: bench.one_worker("folder", "psycopg"),
        "one worker, psycopg 3, gzip, S3 sink": lambda: bench.one_worker("sink", "psycopg", compression="gzip"),
        "one worker, psycopg 3, chunk totals, S3 sink": lambda: bench.one_worker("sink", "psycopg", chunk_totals=True),
        "two workers with plan, psycopg 3, S3 sink": lambda: bench.two_workers("sink", "psycopg"),
        "two workers with plan, psycopg2, S3 sink": lambda: bench.two_workers("sink", "psycopg2"),
        "two workers, whole protocol, folder": lambda: bench.whole_protocol("folder", "psycopg", 2),
        "one worker, psycopg 3, moto": lambda: bench.one_worker("moto", "psycopg"),
    }
    found: dict[str, list[Taken]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(rounds + 1):
        names.append(names.pop(0))  # nobody always follows the same neighbour
        for name in names:
            taken = variants[name]()
            if number:  # the first round warms up caches and connections
                found[name].append(taken)
        print(f"round {number} of {rounds} done", file=sys.stderr)
    return found


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


def summary(bench: Bench, found: dict[str, list[Taken]]) -> dict[str, Any]:
    """Return medians and ratios."""
    seconds = {name: [each.seconds for each in taken] for name, taken in found.items()}
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    used = {name: [each.client_cpu for each in taken if each.client_cpu is not None] for name, taken in found.items()}
    cpu = {name: statistics.median(taken) for name, taken in used.items() if taken}
    reference, plain = medians[PSQL], medians[ONE_WORKER]
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
        "client_cpu_seconds": cpu,
        "ratio_to_psql": {name: reference / taken for name, taken in medians.items()},
        "one_worker_ratio_to_psql": reference / plain,
        "one_worker_psycopg2_ratio_to_psql": reference / medians["one worker, psycopg2, S3 sink"],
        "one_worker_folder_ratio_to_psql": reference / medians["one worker, psycopg 3, folder"],
        "two_workers_ratio_to_psql": reference / medians["two workers with plan, psycopg 3, S3 sink"],
        "server_limit_ratio_to_psql": reference / medians[SERVER],
        "receiving_ratio_to_psql": reference / medians[RECEIVING],
        "one_worker_cpu_ratio_to_receiving": cpu[ONE_WORKER] / cpu[RECEIVING],
        "cpu_seconds_per_million_rows": parts_of_a_worker(
            bench.store("sink"), bench.rows, bench.bytes, cpu[RECEIVING], cpu[ONE_WORKER]
        ),
        "gzip_ratio_to_plain": plain / medians["one worker, psycopg 3, gzip, S3 sink"],
    }


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n{figures['rows']:,} rows, {figures['rows_per_file']:,} a file; {figures['machine']}")
    print(f"{figures['versions']}\n")
    print(f"| {'variant':46} | seconds | rows/s    | of psql | client CPU |")
    print(f"|{'-' * 48}|--------:|----------:|--------:|-----------:|")
    for name, taken in figures["seconds"].items():
        speed, ratio = figures["rows"] / taken, figures["ratio_to_psql"][name]
        cpu = figures["client_cpu_seconds"].get(name)
        spent = "" if cpu is None else f"{cpu:.2f}"
        print(f"| {name:46} | {taken:7.2f} | {speed:9,.0f} | {ratio:7.2f} | {spent:>10} |")
    print("\nCPU seconds of one worker for 1,000,000 rows, psycopg 3:")
    for name, taken in figures["cpu_seconds_per_million_rows"].items():
        print(f"| {name:20} | {taken:6.3f} |")
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
