"""One worker of the benchmark: a process that has imported everything and runs the exports that it is given.

Reads JSON lines: {"dsn", "driver", "target", "endpoint", "plan", "chunks"}; writes {"rows", "bytes", "seconds",
"cpu_seconds", "rss_mib", "peak_mib"} for each: seconds and CPU of the task's body, connection included; resident memory
before the first task, and its peak. A command without "chunks" only receives the rows of the plan's table.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import psycopg
import psycopg2

from billing_aggregator.export.copy.chunk import export_chunks
from billing_aggregator.export.copy.copy_stream import stream_copy
from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.export.transaction import transaction
from billing_aggregator.s3.defaults import client_config

DRIVERS: dict[str, Any] = {"psycopg": psycopg, "psycopg2": psycopg2}
KIB = 1 << 10
MIB = 1 << 20


def s3_client(endpoint: str) -> Any:
    """Return a client as the operators use it."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local-only",  # noqa: S106 - the local servers take any key
        config=client_config(),
    )


def resident_mib() -> float:
    """Return the resident memory of this process."""
    return _status("VmRSS")


def peak_mib() -> float:
    """Return the highest resident memory of this process so far.

    On Linux not by getrusage: its figure includes what the parent had when this process was forked.
    """
    return _status("VmHWM")


def _status(field: str) -> float:
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / KIB for line in lines if line.startswith(field))


class Discard:
    """A sink of rows that keeps nothing."""

    size = 0

    def start(self, header: bytes) -> int:
        """Take the header; blocks may be as large as they come."""
        self.size = len(header)
        return sys.maxsize >> 1

    def take(self, block: bytes | memoryview, rows: int) -> int:
        """Count the bytes."""
        self.size += len(block)
        return sys.maxsize >> 1


def receive(command: dict[str, Any]) -> dict[str, Any]:
    """Receive the rows of the plan's table, do nothing with them, and return the figures."""
    plan, sink = ExportPlan.from_json(command["plan"]), Discard()
    started, cpu = time.perf_counter(), time.process_time()
    with closing(DRIVERS[command["driver"]].connect(command["dsn"])) as connection:
        statement = plan.source.copy_statement(plan.options.dialect, None, None)
        with transaction(connection, statement_timeout=0):
            rows = stream_copy(connection, statement, sink, header=plan.options.dialect.header)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"rows": rows, "bytes": sink.size, "seconds": seconds, "cpu_seconds": cpu}


def work(command: dict[str, Any]) -> dict[str, Any]:
    """Export the chunks and return the figures."""
    if "chunks" not in command:
        return receive(command)
    driver = DRIVERS[command["driver"]]
    started, cpu = time.perf_counter(), time.process_time()
    store = open_store(command["target"], lambda: s3_client(command["endpoint"]))
    with closing(driver.connect(command["dsn"])) as connection:
        states = export_chunks(connection, store, ExportPlan.from_json(command["plan"]), command["chunks"], timeout=0)
    return {
        "rows": sum(state.rows for state in states),
        "bytes": sum(state.size for state in states),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": peak_mib(),
        "states": [state.to_json() for state in states],
    }


def main() -> None:
    """Work until the input ends."""
    before = resident_mib()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line)) | {"rss_mib": before}), flush=True)


if __name__ == "__main__":
    main()
