"""Times the init scripts of one client on a synthetic vault: ``python -m benchmarks.bench_sql --charges 1000000``.

The scripts run as the DAG runs them: in the order of systems and stages, side by side where they need not wait, on at
most ``--connections`` connections, one connection and one transaction each, with the configuration's session settings.
Prints seconds per script and writes ``build/bench-sql.json``. ``--against REV`` runs the init scripts of another commit
on the same server and vault, in turns with ours, and prints the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.vault import create_vault
from billing_aggregator.config.load import load_client
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.warehouse import DATABASE, ROLE
from billing_aggregator.night.description import SystemScripts
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import Script, find_scripts

if TYPE_CHECKING:
    from billing_aggregator.config.models import ClientConfig

ROOT = Path(__file__).resolve().parents[1]
SQL_ROOT = ROOT / "include" / "sql"
#: Whose settings apply: what is measured is what production would do.
ENVIRONMENT = "prod"
SHOWN = (
    "server_version",
    "shared_buffers",
    "work_mem",
    "jit",
    "max_parallel_workers_per_gather",
    "max_worker_processes",
)


@dataclass(frozen=True)
class Timing:
    """One script's run; *started* and *seconds* count from the start of init."""

    script: str
    stage: int
    started: float
    seconds: float
    rows: int


Run = tuple[float, list[Timing]]


@dataclass(frozen=True)
class Bench:
    """A server with a vault, and how to run the scripts on it."""

    server: EmbeddedPostgres
    config: ClientConfig
    session: dict[str, str]
    connections: int

    def connect(self) -> psycopg.Connection[Any]:
        """Connect as the aggregator's role with the session settings of a task."""
        options = " ".join(f"-c {name}={value}" for name, value in sorted(self.session.items()))
        return psycopg.connect(self.server.dsn(DATABASE, ROLE), options=options)

    def run(self, script: Script, begin: float, *, tuned: bool) -> Timing:
        """Run one script on a connection of its own, *tuned* by its settings; errors of the driver pass through."""
        started = time.monotonic()
        day = "2026-01-15"
        settings = {"client": self.config.client, "environment": ENVIRONMENT, "business_date": day, "as_of": day}
        with self.connect() as connection:
            local = self.config.settings_of(script.key) if tuned else {}
            result = run_script(connection, script.read(), settings, local=local)
        name = script.relative.split("/", 1)[1]
        return Timing(name, script.stage, round(started - begin, 3), round(result.seconds, 3), result.rows)

    def init(self, sql_root: Path, *, tuned: bool = True) -> Run:
        """Run all init scripts; return the seconds from the first to the last, and each script's timing."""
        begin = time.monotonic()
        # They were found out for the project's own scripts.
        numbers = self.config.needed_from if tuned and sql_root == SQL_ROOT else {}
        systems = self.config.active_systems
        ended: dict[str, Future[list[Timing]]] = {}
        with ThreadPoolExecutor(self.connections) as pool, ThreadPoolExecutor(len(systems)) as lanes:

            def run(system: SystemScripts, waits: list[tuple[int | None, Future[Any]]]) -> list[Timing]:
                found: list[Timing] = []
                for place, stage in enumerate(system.stages):
                    wait([future for at, future in waits if at == place])
                    found += pool.map(lambda script: self.run(script, begin, tuned=tuned), stage)
                return found

            for name in systems:
                system = SystemScripts(name, tuple(find_scripts(sql_root, "init", name, self.config.client)))
                waits = [(system.waits_at(numbers, before), future) for before, future in ended.items()]
                ended[name] = lanes.submit(run, system, waits)
        timings = [timing for future in ended.values() for timing in future.result()]
        if not timings:
            raise SystemExit(f"{sql_root}: no init scripts for {', '.join(self.config.active_systems)}")
        return time.monotonic() - begin, timings

    def counts(self) -> dict[str, int]:
        """Return the rows of the list and of its main sources."""
        counted = {"rows": "report_oibl.new_tripica_results"}
        for table in (
            "applied_billing_charge",
            "applied_billing_tax_rate",
            "billing_account_balance",
            "billing_account",
        ):
            counted[table] = f"datalake_vault.{table}"
        counted["journal_source_items"] = "bookkeeper_vault.journal_entry_item_source_items"
        with self.connect() as connection:
            found = {}
            for name, table in counted.items():
                exists = connection.execute("select to_regclass(%s)", [table]).fetchone()
                row = connection.execute(f"select count(*) from {table}").fetchone() if exists and exists[0] else (0,)
                found[name] = row[0] if row else 0
            return found

    def settings(self) -> dict[str, str]:
        """Return the Postgres settings that a script sees."""
        with self.connect() as connection:
            shown = {name: connection.execute(f"show {name}").fetchone() for name in SHOWN}
        return {name: row[0] for name, row in shown.items() if row}


def main(arguments: list[str] | None = None) -> None:
    """Make the vault, run the scripts, print and write the report."""
    options = parse(arguments)
    config = load_client(options.client, ENVIRONMENT, environ={})
    session = config.sql_settings | dict(pair.split("=", 1) for pair in options.set)
    connections = 1 if options.serial else options.connections or config.db_max_conns
    with EmbeddedPostgres(options.postgres) as server:
        bench = Bench(server, config, session, connections)
        begin = time.monotonic()
        create_vault(server, DATABASE, options.charges, options.seed)
        generated = time.monotonic() - begin
        with bench.connect() as connection:
            # As the first task of a run does.
            connection.execute("create schema if not exists report_oibl")
        print(f"vault of {options.charges:,} charges made in {generated:.1f} s (seed {options.seed})", flush=True)
        with tempfile.TemporaryDirectory(prefix="bda-bench-") as folder:
            other = sql_of(options.against, Path(folder)) if options.against else None
            ours, theirs = in_turns(bench, options.sql, other, options.repeat)
        seconds, timings = min(ours, key=lambda run: run[0])
        report = {
            "charges": options.charges,
            **bench.counts(),
            "init_seconds": round(seconds, 2),
            "generate_seconds": round(generated, 2),
            "scripts": [asdict(timing) for timing in timings],
            "settings": bench.settings(),
            "session": session,
            "client": options.client,
            "seed": options.seed,
            "connections": bench.connections,
            **compared(options.against, ours, theirs),
            "repeat": options.repeat,
            "versions": {"python": platform.python_version(), "psycopg": psycopg.__version__},
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()},
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n")
        print_report(report, timings)
        print(f"written: {options.output}")
        if options.wait:
            input(f"server is up: {server.dsn(DATABASE)} (superuser) or user={ROLE}; Enter stops it ")


def sql_of(revision: str, folder: Path) -> Path:
    """Write the SQL folder of another commit of this repository below *folder*; return it."""
    archive = subprocess.run(["git", "archive", revision, "include/sql"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "include" / "sql"


def in_turns(bench: Bench, ours: Path, theirs: Path | None, repeat: int) -> tuple[list[Run], list[Run]]:
    """Run init so often with each folder, every other round in the other order; settings of scripts are ours only."""
    runs: tuple[list[Run], list[Run]] = ([], [])
    folders = [(runs[0], ours)] + ([(runs[1], theirs)] if theirs else [])
    for number in range(repeat):
        for into, folder in folders if number % 2 == 0 else reversed(folders):
            into.append(bench.init(folder, tuned=folder is ours))
    return runs


def compared(revision: str | None, ours: list[Run], theirs: list[Run]) -> dict[str, Any]:
    """Return the medians of both and their ratio; nothing where no other commit was asked for."""
    if revision is None:
        return {}
    own, other = (statistics.median(seconds for seconds, _ in runs) for runs in (ours, theirs))
    return {
        "against": revision,
        "median_seconds": round(own, 2),
        "against_median_seconds": round(other, 2),
        "ratio": round(own / other, 3),
        "against_scripts": [asdict(timing) for timing in min(theirs, key=lambda run: run[0])[1]],
    }


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_sql", description="Time the init scripts on a synthetic vault."
    )
    parser.add_argument("--charges", type=int, default=100_000, help="charges in the vault (default 100000)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--client", default="enercity", help="whose client folders apply (default enercity)")
    parser.add_argument("--connections", type=int, help="scripts side by side (default: the client's db_max_conns)")
    parser.add_argument("--serial", action="store_true", help="one script at a time")
    parser.add_argument("--repeat", type=int, default=1, help="run init so often on one vault, report the fastest")
    parser.add_argument("--against", metavar="REV", help="run another commit's scripts too, in turns; print the ratio")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a session setting")
    parser.add_argument("--postgres", type=int, help="major version of the embedded server (default: newest)")
    parser.add_argument("--sql", type=Path, default=SQL_ROOT, help="the SQL folder (default include/sql)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench-sql.json")
    parser.add_argument("--wait", action="store_true", help="leave the server up until Enter, to look at plans")
    return parser.parse_args(arguments)


def print_report(report: dict[str, Any], timings: list[Timing]) -> None:
    """Print a line per script, the total and the server's settings."""
    print(f"{'script':<66}{'start':>8}{'seconds':>9}{'rows':>12}")
    for timing in timings:
        print(f"{timing.script:<66}{timing.started:>8.2f}{timing.seconds:>9.2f}{timing.rows:>12,}")
    print(f"init: {report['init_seconds']} s for {report['charges']:,} charges, {report['rows']:,} rows in the list")
    if "against" in report:
        print(
            f"medians of {report['repeat']}: {report['median_seconds']} s, {report['against']} "
            f"{report['against_median_seconds']} s, ratio {report['ratio']}"
        )
    print(", ".join(f"{name} {value}" for name, value in report["settings"].items()))


if __name__ == "__main__":
    main()
