"""From which init script on a system waits for another one: ``systems.<name>.needs`` in ``clients.yaml``.

The number there is what an author has found out. It never lets a script run before what it names is made: where one
with a lower number names a table of the other system, that number counts. It was found out for the project's own
scripts, so that it does not hold in another SQL folder (``BDA_SCRIPTS_DIR``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import SourceFileError, read_sql
from billing_aggregator.sql.read_once import ReadOnce
from billing_aggregator.sql.statements import without_comments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night.description import Night, SystemScripts

    # System -> system that it needs -> number of the first script that does; none: the first script of all.
    Numbers = Mapping[str, Mapping[str, int]]

NAME = re.compile(r"\b[a-z_]\w*\.[a-z_]\w*", re.IGNORECASE)
MADE = re.compile(
    r"\bcreate\s+(?:unlogged\s+)?(?:or\s+replace\s+)?(?:materialized\s+)?(?:table|view)\s+(?:if\s+not\s+exists\s+)?"
    r"(?P<name>[a-z_]\w*\.[a-z_]\w*)",
    re.IGNORECASE,
)


def declared_needs(config: ClientConfig) -> Numbers:
    """Return the numbers of ``clients.yaml``; none in another SQL folder."""
    return {} if config.scripts_dir is not None else config.needed_from


def needed_from(night: Night, once: ReadOnce | None = None) -> Numbers:
    """Return the numbers that hold: those of ``clients.yaml``, or lower ones of scripts that name another's table.

    Reads the scripts' texts. A file that cannot be read is told elsewhere.

    :param once: has read what other clients have of the same files.
    """
    once = once or ReadOnce()
    scripts = {
        system.system: system for phase in night.phases if phase.phase.numbered_needs for system in phase.systems
    }
    return {
        name: {
            other: min([number, *_naming(scripts[name], scripts[other], number, once)])
            for other, number in numbers.items()
            if name in scripts and other in scripts
        }
        for name, numbers in declared_needs(night.config).items()
    }


def _naming(system: SystemScripts, before: SystemScripts, number: int, once: ReadOnce) -> Iterator[int]:
    """Yield the numbers of scripts below *number* that name a table which *before* makes."""
    early = [script for script in system.scripts if script.stage < number]
    made = {name for script in before.scripts for name in _names(once, _made, script.path)} if early else set()
    for script in early:
        if made & _names(once, _named, script.path):
            yield script.stage


def _names(once: ReadOnce, read: Callable[[Path], frozenset[str]], path: Path) -> frozenset[str]:
    try:
        return once(read, path)
    except SourceFileError:
        return frozenset()


def _made(path: Path) -> frozenset[str]:
    return frozenset(found["name"].lower() for found in MADE.finditer(without_comments(read_sql(path))))


def _named(path: Path) -> frozenset[str]:
    return frozenset(name.lower() for name in NAME.findall(without_comments(read_sql(path))))
