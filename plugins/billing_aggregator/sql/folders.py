"""Everything that is wrong with the files of one client, found before its DAG is built: a night is too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.models import ordered
from billing_aggregator.config.text_files import SourceFileError, printable, read_sql
from billing_aggregator.sql.scripts import find_queries, find_scripts, system_of_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from billing_aggregator.config import ClientConfig

NO_STATEMENT = "holds no statement; add one, or start its name with NOEXEC_"
PHASES = ("prechecks", "init", "audits", "export", "history", "cleanup")


def check_files(config: ClientConfig, root: Path) -> None:
    """Look at every file that the client's DAG uses; raises :class:`SourceFileError` with one line for each problem."""
    problems = list(dict.fromkeys([*script_problems(config, root), *query_problems(config, root)]))
    if problems:
        raise SourceFileError("\n".join(problems))


def script_problems(config: ClientConfig, root: Path) -> Iterator[str]:
    """Yield a line for each script or check that is not called, placed or written as it must be."""
    for phase in PHASES:
        for system in ordered(config.systems, config.dependencies):
            try:
                scripts = find_scripts(root, phase, system, config.client)
            except SourceFileError as error:
                yield from str(error).splitlines()
                continue
            if phase == "init" and not scripts:
                yield no_scripts(config, root, system)
            yield from unreadable(script.path for script in scripts)


def query_problems(config: ClientConfig, root: Path) -> Iterator[str]:
    """Yield a line for each archive query that the client uses and that cannot be read, and for names that collide."""
    try:
        queries = find_queries(root)
    except SourceFileError as error:
        yield from str(error).splitlines()
        return
    known = config.dependencies or config.systems
    for path in queries.values():
        try:
            system = system_of_query(path)
        except SourceFileError as error:
            yield from str(error).splitlines()
            continue
        if system is not None and system not in known:
            yield f"{printable(path)}: '-- system: {system}' is no system{suggestion(system, known)}"
        elif system is None or system in config.systems:
            yield from unreadable([path])
    yield from group_problems(root, config.systems, queries)


def group_problems(root: Path, systems: Iterable[str], queries: Iterable[str]) -> Iterator[str]:
    """Yield a line for each two exports that would have one task group in the DAG."""
    groups: dict[str, str] = {}
    for name in (*(f"{system}_results" for system in systems), *queries):
        other = groups.setdefault(group_of(name), name)
        if other != name:
            yield f"{printable(root / 'archive')}: the exports {other} and {name} have one group in the DAG; rename one"


def no_scripts(config: ClientConfig, root: Path, system: str) -> str:
    """Return what to say of a system without scripts in ``init``."""
    return (
        f"{root / 'init' / system}: system {system} has no scripts here; add NNN_name.sql files or "
        f"remove {system} from the systems of {config.client}/{config.environment}"
    )


def group_of(export: str) -> str:
    """Return the id of an export's task group."""
    return export.replace("/", "_")


def unreadable(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each file that cannot be read, or is empty: what a broken copy leaves behind."""
    for path in paths:
        try:
            if not read_sql(path).strip():
                yield f"{printable(path)}: {NO_STATEMENT}"
        except SourceFileError as error:
            yield str(error)
