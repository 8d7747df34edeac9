"""What a client's folders hold: scripts of each phase, exports and their keys. Pure: no Airflow, no database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.config.load import sql_root
from billing_aggregator.config.models import ordered
from billing_aggregator.config.text_files import entries, printable
from billing_aggregator.sql.folders import PHASES
from billing_aggregator.sql.scripts import Script, find_queries, find_scripts, system_of_query
from billing_aggregator.sql.statements import without_comments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.config import ClientConfig

CHECK_PHASES = ("prechecks", "audits")
FIRST_FILE = "_0000.csv"
VAULT_TABLE = re.compile(r"\b([a-z_]+_vault)\.([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class Export:
    """One export and the key of its first file.

    :param name: ``tripica_results``, or ``<audience>/<query>``.
    :param key: where its first file goes; ``business_date`` and run stay as fields in braces.
    :param source: what is exported: a table, or the query's file.
    :param system: a run without this system leaves the export out; None: it belongs to no system.
    """

    name: str
    key: str
    source: str
    system: str | None


def phase_scripts(config: ClientConfig, phase: str, system: str) -> list[Script]:
    """Return the client's scripts of one system in *phase*, in the order of execution."""
    return find_scripts(sql_root(config), phase, system, config.client)


def systems_in_order(config: ClientConfig) -> list[str]:
    """Return the client's systems in the order in which they run."""
    return ordered(config.systems, config.dependencies)


def exports(config: ClientConfig) -> list[Export]:
    """Return the client's exports in the order in which they are listed: results of systems, then queries."""
    root = sql_root(config)
    found: list[tuple[str, str, str | None]] = [
        (f"{system}_results", f"report_oibl.{system}_results", system) for system in systems_in_order(config)
    ]
    for name, path in find_queries(root).items():
        found.append((name, path.relative_to(root).as_posix(), system_of_query(path)))
    return [Export(name, file_key(config, name + FIRST_FILE), source, system) for name, source, system in found]


def file_key(config: ClientConfig, file: str) -> str:
    """Return the key of *file*; fields that only a run knows stay in braces."""
    known = {"client": config.client, "environment": config.environment, "file": file}
    return re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), config.key_template)


def vault_tables(config: ClientConfig) -> dict[str, list[str]]:
    """Return schema → tables of the vaults that the client's rebuilding scripts read, sorted."""
    found: set[tuple[str, str]] = set()
    for script in _all_scripts(config, "init"):
        found |= set(VAULT_TABLE.findall(without_comments(script.read())))
    schemas: dict[str, list[str]] = {}
    for schema, table in sorted(found):
        schemas.setdefault(schema, []).append(table)
    return schemas


def _all_scripts(config: ClientConfig, phase: str) -> Iterator[Script]:
    for system in systems_in_order(config):
        yield from phase_scripts(config, phase, system)


def folder_problems(root: Path, systems: tuple[str, ...]) -> list[str]:
    """Return what in the SQL folders nobody would ever run: unknown phases and systems, files at a wrong place."""
    problems = []
    for entry in entries(root):
        if entry.name == "archive" or entry.name.startswith((".", "NOEXEC_")):
            continue
        if entry.name not in PHASES or not entry.is_dir():
            problems.append(
                f"{printable(entry)}: no phase has this name; the phases are {', '.join(PHASES)} and archive"
            )
            continue
        for system in entries(entry):
            if system.is_file() and system.suffix != ".sql":
                continue
            if system.name not in systems or not system.is_dir():
                problems.append(f"{printable(system)}: no system has this name; known: {', '.join(systems)}")
    return problems
