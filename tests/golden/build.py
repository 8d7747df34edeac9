"""Runs the SQL of one or more phases on a warehouse, as the DAG does: systems in order, scripts in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import find_scripts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SYSTEMS = ("bookkeeper", "tripica")
ALL_PHASES = ("init", "release", "history", "cleanup")
#: The tables that the phase release publishes, and the list is made of.
RESULTS = ("tripica_results", "bookkeeper_results")


def run_phases(
    connection: Any,
    root: Path,
    client: str,
    *phases: str,
    settings: Mapping[str, str] | None = None,
    systems: tuple[str, ...] = SYSTEMS,
) -> None:
    """Run every script of *phases* for *client*; errors of the driver pass through."""
    given = dict(settings or {})
    day = given.get("business_date", "2026-11-20")
    values = {"client": client, "business_date": day, "as_of": day, "run_id": "test"} | given
    for phase in phases:
        for system in systems:
            for script in find_scripts(root, phase, system, client):
                run_script(connection, script.read(), values | {"system": system})
