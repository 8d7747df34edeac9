"""What is wrong with a client's SQL: folders, scripts, checks, export queries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from billing_aggregator.checks import CheckError, parse_check
from billing_aggregator.cli import catalogue
from billing_aggregator.config import ClientConfig, ConfigError
from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.load import sql_root
from billing_aggregator.scripts import ScriptError, find_queries, system_of_query
from billing_aggregator.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.scripts import Script
    from billing_aggregator.statements import Statement

TRANSACTION = re.compile(
    r"(begin|start\s+transaction|commit|rollback|end|vacuum|create\s+(unique\s+)?index\s+concurrently"
    r"|create\s+database|reindex\s+\w+\s+concurrently)\b",
    re.IGNORECASE,
)
QUERY = re.compile(r"(select|with|table|values)\b", re.IGNORECASE)
EXPORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_]*")


def folder_problems(config: ClientConfig) -> list[str]:
    """Return what is wrong with the client's folders."""
    try:
        root = sql_root(config)
    except ConfigError as error:
        return [str(error)]
    return catalogue.folder_problems(root, tuple(config.dependencies or config.systems))


def script_problems(config: ClientConfig) -> list[str]:
    """Return what is wrong with the client's SQL folders, scripts and checks."""
    return [*folder_problems(config), *phase_problems(config, set())]


def phase_problems(config: ClientConfig, files: set[object]) -> Iterator[str]:
    """Yield what is wrong with scripts and checks; *files* collects those that were looked at."""
    for phase in catalogue.PHASES:
        for system in catalogue.systems_in_order(config):
            try:
                scripts = catalogue.phase_scripts(config, phase, system)
            except ConfigError:
                return
            except ScriptError as error:
                yield from str(error).splitlines()
                continue
            if phase == "init" and not scripts:
                yield (
                    f"{sql_root(config) / phase / system}: system {system} has no scripts here; add NNN_name.sql files "
                    f"or remove {system} from the systems of {config.client}/{config.environment}"
                )
            for script in scripts:
                files.add(script.path)
                yield from _script(phase, script)


def _script(phase: str, script: Script) -> Iterator[str]:
    try:
        text = script.read()
        if phase in catalogue.CHECK_PHASES:
            parse_check(text, script.path)
    except (ScriptError, CheckError) as error:
        yield str(error)
        return
    statements = split_statements(text)
    if not statements:
        yield f"{script.path}: holds no statement; add one, or start its name with NOEXEC_"
    if phase in catalogue.CHECK_PHASES and not _is_query(statements):
        yield f"{script.path}: a check is one query: SELECT ..., without further statements"
    for statement in statements:
        if found := TRANSACTION.match(statement.text):
            words = " ".join(found[0].split())
            yield (
                f"{script.path}, line {statement.line}: {words} cannot stand in a script, which is one transaction; "
                "remove it"
            )


def severity_problems(config: ClientConfig) -> Iterator[str]:
    """Yield overrides of severity for checks that do not exist."""
    try:
        known = [
            script.relative.removesuffix(".sql")
            for phase in catalogue.CHECK_PHASES
            for system in catalogue.systems_in_order(config)
            for script in catalogue.phase_scripts(config, phase, system)
        ]
    except (ConfigError, ScriptError):
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
        for name, path in find_queries(root).items():
            if not EXPORT_NAME.fullmatch(name):
                yield f"{path}: an export is <audience>/<query>.sql, in lower-case letters, digits and underscores"
            system = system_of_query(path)
            if system is not None and system not in known:
                yield f"{path}: '-- system: {system}' is no system{suggestion(system, known)}"
            statements = split_statements(path.read_text(encoding="utf-8", errors="replace"))
            if not _is_query(statements):
                yield f"{path}: an export is one query: SELECT ..., without further statements"


def _root(config: ClientConfig) -> Any:
    try:
        return sql_root(config)
    except ConfigError:
        return None


def _is_query(statements: Sequence[Statement]) -> bool:
    return len(statements) == 1 and QUERY.match(statements[0].text) is not None
