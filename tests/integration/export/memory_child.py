"""Exports a table in a process of its own and prints by how many MiB its memory grew; started by test_large_rows.py."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import export_chunks
from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.factory import open_store
from tests.exporting import DRIVERS

KIB = 1 << 10


def status(field: str) -> float:
    """Return a figure of this process in MiB: VmRSS now, VmHWM the highest so far. Linux tells both."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / KIB for line in lines if line.startswith(field))


def main() -> None:
    command = json.loads(sys.argv[1])
    run = ExportRun(command["target"], "enercity", "prod", "2026-01-31", "memory")
    export = Export(command["export"], table=("public", command["table"]))
    options = ExportOptions.model_validate(command["options"])
    store = open_store(run.target, lambda: None)
    with closing(DRIVERS[command["driver"]].connect(command["dsn"])) as connection:
        connection.cursor().execute("select 1")
        before = status("VmRSS")
        if command["what"] == "dry run":
            dry_run(connection, run, export, options, timeout=0)
        elif command["what"] == "read":
            manifest = current_manifest(store, "enercity", "prod")
            assert manifest is not None
            check_publication(store, manifest)
        else:
            plan = plan_export(connection, store, run, export, options, timeout=0)
            export_chunks(connection, store, plan, range(len(plan.chunks)), timeout=0)
    print(json.dumps({"mib": status("VmHWM") - before}))


if __name__ == "__main__":
    main()
