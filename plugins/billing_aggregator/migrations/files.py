"""The files of durable tables: ``<root>/schema/<system>/NNN_what_it_makes.sql``, pure: no database.

A folder may be of no system and shared by several. Who builds on another folder says so in a heading of one of its
files, ``-- Needs: ledger.``; that folder's files come first.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.text_files import SourceFileError, decoded, entries, is_folder, printable, read_bytes
from billing_aggregator.sql.rules import text_problems
from billing_aggregator.sql.scripts import BASE, NO_STATEMENT, NOT_RUN_PREFIX, folder_scripts
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCHEMA_FOLDER = "schema"
NEEDS = re.compile(r"^-- Needs: +(?P<folders>[^\n]*?)\.?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """One file of durable tables.

    :param script: its path from the SQL root, with forward slashes: its name in the records.
    :param folder: the folder below ``schema``.
    :param text: what is sent.
    :param sha256: of the file's bytes, in hexadecimal.
    """

    script: str
    folder: str
    text: str
    sha256: str


def find_migrations(root: Path, systems: Iterable[str]) -> tuple[Migration, ...]:
    """Return the migrations of *systems* and of what their folders need, in the order in which they are applied.

    Systems without a folder have none.

    :raises SourceFileError: a file or folder cannot be used, or folders need each other; one line for each problem.
    """
    found: dict[str, list[Migration]] = {}
    for system in sorted(systems):
        _collect(root, system, found, ())
    return tuple(migration for migrations in found.values() for migration in migrations)


def schema_problems(root: Path) -> Iterator[str]:
    """Yield what is wrong in the folders of durable tables: names, places, texts; one line for each problem."""
    try:
        if not is_folder(root / SCHEMA_FOLDER):
            return
        folders = [entry for entry in entries(root / SCHEMA_FOLDER) if not entry.name.startswith((".", NOT_RUN_PREFIX))]
        for folder in folders:
            if not folder.is_dir():
                yield f"{printable(folder)}: migrations are in {SCHEMA_FOLDER}/<system>/; move or remove it"
                continue
            try:
                migrations = find_migrations(root, [folder.name])
            except SourceFileError as error:
                yield from str(error).splitlines()
                continue
            yield from _text_problems(root, migrations)
    except SourceFileError as error:
        yield from str(error).splitlines()


def _collect(root: Path, name: str, found: dict[str, list[Migration]], path: tuple[str, ...]) -> None:
    """Add the migrations of folder *name* to *found*, behind those of the folders that it needs."""
    if name in found:
        return
    if name in path:
        raise SourceFileError(
            f"{printable(root / SCHEMA_FOLDER)}: {' needs '.join((*path[path.index(name) :], name))}; "
            "remove one of the headings '-- Needs:'"
        )
    folder = root / SCHEMA_FOLDER / name
    if not is_folder(root / SCHEMA_FOLDER) or not is_folder(folder):
        return
    migrations = _folder(folder, root)
    known = [entry.name for entry in entries(root / SCHEMA_FOLDER) if entry.is_dir()]
    for migration in migrations:
        for needed in _needs(migration.text):
            if needed not in known:
                raise SourceFileError(
                    f"{printable(root / migration.script)}: '-- Needs: {needed}' is not a folder of "
                    f"{SCHEMA_FOLDER}{suggestion(needed, known)}"
                )
            _collect(root, needed, found, (*path, name))
    found[name] = migrations


def _folder(folder: Path, root: Path) -> list[Migration]:
    scripts = folder_scripts(folder, root, BASE)
    problems = [
        f"{printable(second.path)}: has the number of {first.path.name}: give the newer one the next number"
        for first, second in pairwise(scripts)
        if first.stage == second.stage
    ]
    problems += [
        f"{printable(entry)}: a folder; migrations are the same for all clients, move its files up or remove it"
        for entry in entries(folder)
        if entry.is_dir()
    ]
    migrations = []
    for script in scripts:
        try:
            content = read_bytes(script.path)
            text = decoded(script.path, content)
        except SourceFileError as error:
            problems.append(str(error))
            continue
        if not split_statements(text):
            problems.append(f"{printable(script.path)}: {NO_STATEMENT}")
        migrations.append(Migration(script.relative, folder.name, text, hashlib.sha256(content).hexdigest()))
    if problems:
        raise SourceFileError("\n".join(problems))
    return migrations


def _needs(text: str) -> list[str]:
    return [name.strip() for match in NEEDS.finditer(text) for name in match["folders"].split(",") if name.strip()]


def _text_problems(root: Path, migrations: Iterable[Migration]) -> Iterator[str]:
    for migration in migrations:
        for problem in text_problems(migration.text):
            yield f"{printable(root / migration.script)}, line {problem.line}: {problem.text}"
