"""What may not grow while feeds and nights go on, and how growth is told from a first fill."""

from __future__ import annotations

import statistics
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from tests.survival.soak_stack import NIGHT, SHOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.survival.soak_stack import Soak

#: From the middle third of the samples to the last one: the first is Airflow warming up.
MOST_MEMORY_RATIO, MOST_MEMORY_MIB = 1.10, 25.0
MOST_TABLE_RATIO, MOST_TABLE_MIB = 1.5, 2.0
#: A night's tasks and a night's share of what Airflow itself says.
MOST_LOG_BYTES_A_NIGHT = 1_000_000
MOST_SESSIONS, MOST_UPLOADS = 24, 12
MIB = 1 << 20
#: Tables of report_oibl that a night makes anew; `aggregator_runs` has a row for each run, and is measured by its rows.
NIGHTLY_TABLES = """
select coalesce(sum(pg_total_relation_size(oid)), 0) from pg_class where relkind in ('r', 'm')
and relnamespace = to_regnamespace('report_oibl') and relname not like 'aggregator%'
"""
#: The shop's list has a row for each of its invoices, and grows with them.
MIGRATED = "select to_regclass('billing.invoices') is not null"
INVOICES = "select count(*) from billing.invoices"
CATALOG = "select pg_total_relation_size('pg_catalog.pg_class') + pg_total_relation_size('pg_catalog.pg_attribute')"


def measure(soak: Soak, nights: int) -> dict[str, Any]:
    """Return one sample: memory by component, sessions, uploads, tables (the shop's for each invoice), logs."""
    night, shop = soak.clients[NIGHT], soak.clients[SHOP]
    invoices = int(shop.sql(INVOICES)[0][0]) if shop.sql(MIGRATED)[0][0] else 0
    logs = {"tasks": 0, "airflow": 0}
    for path in soak.stack.home.rglob("*.log"):
        with suppress(OSError):
            kind = "tasks" if "dag_id=" in path.as_posix() else "airflow"
            logs[kind] += path.stat().st_size
    return {
        "memory": memory(soak),
        "sessions": soak.sessions(),
        "uploads": soak.uploads(),
        "table_mib": round(int(night.sql(NIGHTLY_TABLES)[0][0]) / MIB, 2),
        "bytes_an_invoice": int(shop.sql(NIGHTLY_TABLES)[0][0]) // max(1, invoices),
        "catalog_mib": round(sum(int(c.sql(CATALOG)[0][0]) for c in soak.clients.values()) / MIB, 2),
        "nights": nights,
        "log_bytes": logs,
    }


def memory(soak: Soak) -> dict[str, float]:
    """Return MiB of each long-lived process: the components, without the scheduler's tasks, and the database server."""
    found = {}
    for component, pid in soak.stack.pids().items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            # Airflow's own children stay; a task's process comes and goes, and is the scheduler's.
            processes = [process] if component == "scheduler" else [process, *process.children(recursive=True)]
            found[component] = round(sum(p.memory_info().rss for p in processes) / MIB, 1)
    return found


def growth(samples: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each figure that has grown; none of fewer than nine samples would say anything."""
    if len(samples) < 9:
        return ["too few samples to say anything"]
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[-third:]
    lines = []
    for component in last[-1]["memory"]:
        before, now = (_median([s["memory"].get(component, 0.0) for s in part]) for part in (middle, last))
        if now > before * MOST_MEMORY_RATIO and now > before + MOST_MEMORY_MIB:
            lines.append(f"memory of {component}: {before} MiB, then {now} MiB")
    for name, most in (("table_mib", MOST_TABLE_MIB), ("catalog_mib", MOST_TABLE_MIB), ("bytes_an_invoice", 0.0)):
        before, now = (_median([s[name] for s in part]) for part in (middle, last))
        if now > before * MOST_TABLE_RATIO and now > before + most:
            lines.append(f"{name}: {before}, then {now}")
    for name, most in (("sessions", MOST_SESSIONS), ("uploads", MOST_UPLOADS)):
        if max(s[name] for s in samples) > most:
            lines.append(f"{name}: up to {max(s[name] for s in samples)}, expected at most {most}")
    nights = last[-1]["nights"] - middle[0]["nights"]
    written = sum(last[-1]["log_bytes"].values()) - sum(middle[0]["log_bytes"].values())
    if nights and written / nights > MOST_LOG_BYTES_A_NIGHT:
        lines.append(f"logs: {written // nights} bytes a night, expected at most {MOST_LOG_BYTES_A_NIGHT}")
    return lines


def _median(values: Sequence[float]) -> float:
    return round(float(statistics.median(values)), 2)
