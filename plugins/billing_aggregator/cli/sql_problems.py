"""What is wrong with a client's SQL: folders, scripts, checks, export queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.cli import contents
from billing_aggregator.config import ClientConfig, ConfigError
from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.load import sql_root
from billing_aggregator.config.text_files import printable, read_sql
from billing_aggregator.sql.checks import CheckError, parse_check
from billing_aggregator.sql.folders import NO_STATEMENT, PHASES, group_problems, no_scripts
from billing_aggregator.sql.rules import findings, query_problem
from billing_aggregator.sql.scripts import SourceFileError, find_queries, system_of_query
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from billing_aggregator.sql.scripts import Script


def folder_problems(config: ClientConfig) -> list[str]:
    """Return what is wrong with the client's folders."""
    try:
        root = sql_root(config)
        return contents.folder_problems(root, tuple(config.dependencies or config.systems))
    except (ConfigError, SourceFileError) as error:
        return str(error).splitlines()


def script_problems(config: ClientConfig) -> list[str]:
    """Return what is wrong with the client's SQL folders, scripts, checks and export queries."""
    found = [*folder_problems(config), *phase_problems(config, set()), *export_problems([config])]
    return list(dict.fromkeys(found))


def phase_problems(config: ClientConfig, files: set[object]) -> Iterator[str]:
    """Yield what is wrong with scripts and checks; *files* collects those that were looked at."""
    for phase in PHASES:
        for system in contents.systems_in_order(config):
            try:
                scripts = contents.phase_scripts(config, phase, system)
            except ConfigError:
                return
            except SourceFileError as error:
                yield from str(error).splitlines()
                continue
            if phase == "init" and not scripts:
                yield no_scripts(config, sql_root(config), system)
            for script in scripts:
                files.add(script.path)
                yield from _script(phase, script)


def _script(phase: str, script: Script) -> Iterator[str]:
    is_check = phase in contents.CHECK_PHASES
    try:
        text = script.read()
        if is_check:
            parse_check(text, printable(script.path))
    except (SourceFileError, CheckError) as error:
        yield str(error)
        return
    if not is_check and not split_statements(text):
        yield f"{printable(script.path)}: {NO_STATEMENT}"
    yield from _text_problems(script.path, text, "a check" if is_check else None)


def _text_problems(path: Path, text: str, query: str | None) -> Iterator[str]:
    """Yield what can never work in *text*; *query* says what must be one query, such as ``a check``."""
    found = findings(text)
    yield from (f"{printable(path)}, line {finding.line}: {finding.text}" for finding in found)
    if query and (problem := query_problem(split_statements(text))):
        yield f"{printable(path)}: {query} is {problem}"


def severity_problems(config: ClientConfig) -> Iterator[str]:
    """Yield overrides of severity for checks that do not exist."""
    try:
        known = [
            script.relative.removesuffix(".sql")
            for phase in contents.CHECK_PHASES
            for system in contents.systems_in_order(config)
            for script in contents.phase_scripts(config, phase, system)
        ]
    except (ConfigError, SourceFileError):
        return
    for name in config.check_severity:
        if name not in known:
            near = suggestion(name, known).split("; known")[0]
            yield f"{config.client}/{config.environment}: check_severity: there is no check {name}{near}"


def export_problems(configs: Sequence[ClientConfig]) -> Iterator[str]:
    """Yield what is wrong with export queries."""
    roots = {root for config in configs if (root := _root(config)) is not None}
    known = sorted({system for config in configs for system in (*config.systems, *config.dependencies)})
    for root in sorted(roots):
        try:
            queries = find_queries(root)
        except SourceFileError as error:
            yield from str(error).splitlines()
            continue
        yield from group_problems(root, known, queries)
        for path in queries.values():
            try:
                system = system_of_query(path)
                if system is not None and system not in known:
                    yield f"{printable(path)}: '-- system: {system}' is no system{suggestion(system, known)}"
                yield from _text_problems(path, read_sql(path), "an export")
            except SourceFileError as error:
                yield str(error)


def _root(config: ClientConfig) -> Any:
    try:
        return sql_root(config)
    except ConfigError:
        return None
