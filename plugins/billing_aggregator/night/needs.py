"""Scripts that may run before what they read is made: a number in ``systems.<name>.needs`` that is too high."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import SourceFileError, printable, read_sql
from billing_aggregator.sql.read_once import ReadOnce
from billing_aggregator.sql.statements import without_comments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.night.description import Night, SystemScripts

NAME = re.compile(r"\b[a-z_]\w*\.[a-z_]\w*", re.IGNORECASE)
MADE = re.compile(
    r"\bcreate\s+(?:unlogged\s+)?(?:or\s+replace\s+)?(?:materialized\s+)?(?:table|view)\s+(?:if\s+not\s+exists\s+)?"
    r"(?P<name>[a-z_]\w*\.[a-z_]\w*)",
    re.IGNORECASE,
)


def needs_problems(night: Night, once: ReadOnce | None = None) -> Iterator[str]:
    """Yield a line for each script that names a table of a system for which it does not wait.

    A file that cannot be read is told elsewhere.

    :param once: has read what other clients have of the same files.
    """
    once = once or ReadOnce()
    for phase in night.phases:
        if not phase.phase.numbered_needs:
            continue
        for system in phase.systems:
            for before in phase.systems:
                number = night.config.needed_from.get(system.system, {}).get(before.system, 0)
                yield from _early(system, before, number, once)


def _early(system: SystemScripts, before: SystemScripts, number: int, once: ReadOnce) -> Iterator[str]:
    early = [script for script in system.scripts if script.stage < number]
    if not early:
        return
    made = {name for script in before.scripts for name in _names(once, _made, script.path)}
    for script in early:
        for name in sorted(_names(once, _named, script.path) & made):
            yield (
                f"{printable(script.path)}: names {name}, which {before.system} makes, but by "
                f"systems.{system.system}.needs only scripts from {number:03} on wait for {before.system}: give the "
                f"script a higher number, or write {before.system}: {script.stage} there"
            )


def _names(once: ReadOnce, read: Callable[[Path], frozenset[str]], path: Path) -> frozenset[str]:
    try:
        return once(read, path)
    except SourceFileError:
        return frozenset()


def _made(path: Path) -> frozenset[str]:
    return frozenset(found["name"].lower() for found in MADE.finditer(without_comments(read_sql(path))))


def _named(path: Path) -> frozenset[str]:
    return frozenset(name.lower() for name in NAME.findall(without_comments(read_sql(path))))
