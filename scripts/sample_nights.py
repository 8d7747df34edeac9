"""Invented runs of sixty nights, one client for each thing that can happen: for the screenshots and for tests.

No figure here comes from a run, and no customer is in it.
"""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from scripts.describe_columns import meanings

from billing_aggregator.config import ClientConfig

#: The moment at which the page is looked at: the night's runs are over or overdue.
NOW = datetime(2026, 11, 26, 6, 10, tzinfo=UTC)
NIGHTS = 60
PHASES = {
    "start": 6, "prechecks": 14, "init": 410, "audits": 55, "release": 9, "export": 170, "publish": 21, "history": 40,
    "cleanup": 8,
}  # fmt: skip
TYPES = {
    "cba": "text", "mba": "text", "due_date": "date", "amount_gross": "numeric(20,2)", "amount_net": "numeric(20,2)",
    "booking_debit_amount": "numeric(20,2)", "booking_credit_amount": "numeric(20,2)",
}  # fmt: skip
COLUMNS = [
    {"name": name, "type": kind, "nullable": True, "description": meanings("tripica_results")[name]}
    for name, kind in TYPES.items()
]
WARNING = {
    "task": "audits.tripica.500_no_jump_in_open_items", "state": "violated", "severity": "warn",
    "title": "the number of open items changes by less than a tenth from day to day", "violations": 3,
    "columns": ["customer_group", "open_items", "open_items_before"],
}  # fmt: skip
VIOLATION = {
    "task": "prechecks.tripica.100_vault_is_fresh", "state": "violated", "severity": "fail",
    "title": "the vault has changed within the last 36 hours", "violations": 1,
    "columns": ["relation", "newest_change"],
}  # fmt: skip
PASSED = [
    {
        "task": f"audits.tripica.{number}_{name}", "state": "passed", "severity": "fail", "title": title,
        "violations": 0, "columns": [],
    }
    for number, name, title in (
        (100, "debit_is_credit", "debit and credit of each booking are equal"),
        (200, "open_items_complete", "every due charge has one open item"),
        (300, "totals_by_two_routes", "the list adds up to the vault's own sums"),
    )
]  # fmt: skip
CLIENTS = ("enercity", "lynqtech", "purpur-energy", "q-cells", "stadtwerk-nord")


def config(client: str) -> ClientConfig:
    """Return a client's configuration; its warehouse is the one of ``BDA_DB_*``."""
    return ClientConfig(
        client=client, environment="local", s3_bucket="billing-data-aggregator-local", schedule="0 2 * * *"
    )


def rows() -> list[dict[str, Any]]:
    """Return rows of ``report_oibl.aggregator_runs``, the same at each call.

    enercity is well; lynqtech's last run was late; purpur-energy has warnings; q-cells has failed tonight;
    stadtwerk-nord has no run.
    """
    return [row for client in CLIENTS[:4] for row in _client(client)]


def _client(client: str) -> list[dict[str, Any]]:
    chance = random.Random(client)  # noqa: S311 - invented figures
    size, amount = 30_000 + chance.randrange(90_000), Decimal(4_000_000 + chance.randrange(9_000_000))
    found = []
    for ago in range(NIGHTS - 1, -1, -1):
        day = NOW.date() - timedelta(days=ago)
        size = int(size * chance.uniform(0.997, 1.006)) if ago != 21 else int(size * 1.24)  # noqa: PLR2004 - a jump
        amount = (amount * Decimal(chance.uniform(0.99, 1.012))).quantize(Decimal("0.01"))
        what = chance.choices(("good", "warned", "late", "failed", "none"), (86, 6, 3, 3, 2))[0]
        if ago == 0:
            what = {"lynqtech": "late", "purpur-energy": "warned", "q-cells": "failed"}.get(client, "good")
        if what != "none":
            found.append(_run(client, day, what, (size, amount), chance))
    return found


def _run(client: str, day: date, what: str, published_as: tuple[int, Decimal], chance: random.Random) -> dict[str, Any]:
    start = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    begun = start + timedelta(minutes=95 if what == "late" else 0, seconds=chance.randrange(20))
    phases, at = {}, begun
    for phase, seconds in PHASES.items():
        phases[phase] = at.isoformat()
        at += timedelta(seconds=seconds * chance.uniform(0.9, 1.2) * (1.6 if what == "late" else 1))
        if what == "failed" and phase == "prechecks":
            break
    published = what != "failed"
    run_id = f"scheduled__{start.isoformat()}"
    dag_id = f"billing_data_aggregator_{client}_local"
    return {
        "client": client, "environment": "local", "deployment": "airflow.example:8080#3f9a", "dag_id": dag_id,
        "run_id": run_id, "tag": hashlib.sha256(f"{dag_id}{run_id}".encode()).hexdigest()[:8],
        "business_date": day.isoformat(), "dry_run": False, "started_at": begun.isoformat(), "ended_at": at.isoformat(),
        "state": "success" if published else "failed", "due_at": (start + timedelta(minutes=105)).isoformat(),
        "published_at": (at - timedelta(seconds=50)).isoformat() if published else None, "phases": phases,
        "error": None if published else f"{VIOLATION['task']}: 1 rows violate: {VIOLATION['title']}",
        "checks": [*PASSED, *({"warned": [WARNING], "failed": [VIOLATION]}.get(what, []))],
        **(_publication(client, *published_as) if published else {"totals": {}, "exports": {}}),
    }  # fmt: skip


def _publication(client: str, size: int, amount: Decimal) -> dict[str, Any]:
    exports: dict[str, dict[str, Any]] = {}
    totals: dict[str, dict[str, str]] = {}
    for name, share in (("customer/oibl", 1), ("tripica_results", 1), ("bookkeeper_results", 2)):
        file_rows = size // share
        key = f"{client}/local/{name}_0000.csv"
        sha256 = hashlib.sha256(f"{key}{size}".encode()).hexdigest()
        file = {"key": key, "version_id": None, "rows": file_rows, "bytes": file_rows * 244, "sha256": sha256}
        exports[name] = {"rows": file_rows, "bytes": file_rows * 244, "columns": COLUMNS, "files": [file]}
        totals[name] = {
            "amount_gross": str((amount / 8).quantize(Decimal("0.01"))),
            "booking_credit_amount": str((amount / share).quantize(Decimal("0.01"))),
            "booking_debit_amount": str((amount / share).quantize(Decimal("0.01"))),
        }
    counted = [export["rows"] for export in exports.values()]
    return {
        "rows": sum(counted), "files": len(exports), "bytes": sum(counted) * 244, "totals": totals, "exports": exports,
    }  # fmt: skip
