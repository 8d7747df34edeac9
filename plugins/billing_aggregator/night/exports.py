"""The list of a client's exports: the results of each system, then each query below ``archive/<audience>/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.text_files import SourceFileError, printable
from billing_aggregator.sql.queries import find_queries, system_of_query
from billing_aggregator.sql.report_schema import REPORT_SCHEMA, results_table

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.sql.read_once import ReadOnce

FIRST_FILE = "_0000.csv"
FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class NightExport:
    """One export of a client's night.

    :param name: ``tripica_results`` or ``<audience>/<query>``; its files' names start with it.
    :param system: a run without this system leaves the export out; None: it belongs to no system.
    :param key_template: the keys of its files; fields that only a run knows, and ``{file}``, stand in braces.
    :param table: what is exported, as ``schema.table``; None for a query.
    :param query: the query's file, relative to the SQL root; None for a table.
    :param problem: what is wrong with the query's first line, in one line; None: nothing.
    """

    name: str
    system: str | None
    key_template: str
    table: str | None = None
    query: str | None = None
    problem: str | None = None

    @property
    def group(self) -> str:
        """The id of its task group."""
        return self.name.replace("/", "_")

    @property
    def source(self) -> str:
        """What is exported: a table, or the query's file."""
        return self.table or self.query or ""

    @property
    def first_key(self) -> str:
        """The key of its first file."""
        return filled(self.key_template, file=self.name + FIRST_FILE)


def read_exports(config: ClientConfig, root: Path, once: ReadOnce) -> tuple[tuple[NightExport, ...], tuple[str, ...]]:
    """Return the client's exports, and a line for each problem that keeps one from being in this list."""
    template = _template(config)
    exports = [
        NightExport(results_table(system), system, template, table=f"{REPORT_SCHEMA}.{results_table(system)}")
        for system in config.systems
    ]
    problems: list[str] = []
    try:
        queries = [_of_query(config, root, name, path, once) for name, path in once(find_queries, root).items()]
        # Those of systems that the client does not have are others' business.
        exports += [export for export in queries if export.problem or export.system in (None, *config.systems)]
    except SourceFileError as error:
        problems += str(error).splitlines()
    listed: dict[str, NightExport] = {}
    for export in exports:
        other = listed.setdefault(export.group, export)
        if other is not export:
            problems.append(
                f"{printable(root / 'archive')}: the exports {other.name} and {export.name} have the same "
                "task group; rename one"
            )
    return tuple(listed.values()), tuple(problems)


def filled(template: str, **values: str) -> str:
    """Return *template* with each field that has a value filled in; other fields stay in braces."""
    return FIELD.sub(lambda match: values.get(match[1], match[0]), template)


def _of_query(config: ClientConfig, root: Path, name: str, path: Path, once: ReadOnce) -> NightExport:
    problem = None
    try:
        system = once(system_of_query, path)
    except SourceFileError as error:
        system, problem = None, str(error)
    known = config.dependencies or config.systems
    if system is not None and system not in known:
        problem = f"{printable(path)}: '-- system: {system}' is not a system{suggestion(system, known)}"
    return NightExport(name, system, _template(config), query=path.relative_to(root).as_posix(), problem=problem)


def _template(config: ClientConfig) -> str:
    return filled(config.key_template, client=config.client, environment=config.environment)
