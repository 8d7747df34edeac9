"""What is wrong with a client's files, found before its DAG is built: at night it is too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import SourceFileError, printable, read_sql
from billing_aggregator.sql.read_once import ReadOnce
from billing_aggregator.sql.scripts import NO_STATEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from billing_aggregator.night.description import Night


def refuse(problems: Iterable[str]) -> None:
    """Raise :class:`SourceFileError` with a line for each of *problems*, once; do nothing when there are none."""
    lines = list(dict.fromkeys(problems))
    if lines:
        raise SourceFileError("\n".join(lines))


def file_problems(night: Night, once: ReadOnce | None = None) -> Iterator[str]:
    """Yield a line for each file that a task could not use: named or placed wrongly, not readable, or empty.

    :param once: has read what other clients have of the same files.
    """
    once = once or ReadOnce()
    yield from night.folder_problems
    for phase in night.phases:
        for system in phase.systems:
            yield from system.problems
            yield from _unreadable((script.path for script in system.scripts), once)
    for export in night.exports:
        if export.problem:
            yield export.problem
        elif export.query and export.system in (None, *night.systems):
            yield from _unreadable([night.root / export.query], once)
    yield from night.export_problems


def problems_of_task(night: Night, task_id: str) -> Iterator[str]:
    """Yield what keeps a worker from building *task_id* as its run has it; other tasks' files are left to those tasks.

    A task of scripts or checks needs the names of its phase and system, for a client's file may replace another. All
    other tasks may need the whole list of exports.
    """
    for phase in night.phases:
        if not task_id.startswith(f"{phase.phase.name}."):
            continue
        for system in phase.systems:
            if f"{task_id}.".startswith(f"{phase.phase.name}.{system.system}."):
                yield from system.problems
        return
    yield from night.export_problems


def _unreadable(paths: Iterable[Path], once: ReadOnce) -> Iterator[str]:
    """Yield a line for each file that cannot be read, or is empty: what a broken copy leaves behind."""
    for path in paths:
        try:
            if once(_is_empty, path):
                yield f"{printable(path)}: {NO_STATEMENT}"
        except SourceFileError as error:
            yield str(error)


def _is_empty(path: Path) -> bool:
    return not read_sql(path).strip()
