"""The export queries below ``archive/<audience>/``. Pure: no Airflow, no database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import (
    SourceFileError,
    decoded,
    entries,
    is_folder,
    leads_out,
    printable,
    read_bytes,
)
from billing_aggregator.sql.scripts import NOT_RUN_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE = "archive"
SYSTEM_LINE = re.compile(r"-- system: (?P<system>[a-z][a-z0-9_]*)")
NEARLY_SYSTEM_LINE = re.compile(r"--\s*systems?\s*[:=]", re.IGNORECASE)
EXPORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_]*")


def find_queries(root: Path) -> dict[str, Path]:
    """Return ``audience/query`` -> file for each query under ``archive/<audience>/``, sorted by name.

    :raises SourceFileError: a file's name or place is not that of a query; one line for each.
    """
    archive = root / ARCHIVE
    if not is_folder(archive):
        return {}
    found: dict[str, Path] = {}
    problems = []
    for audience in entries(archive):
        if audience.name.startswith((".", NOT_RUN_PREFIX)) or (audience.suffix != ".sql" and audience.is_file()):
            continue
        try:
            files = _queries(audience)
        except SourceFileError as error:
            problems.append(str(error))
            continue
        for path in files:
            if path.is_file():
                problems += filter(None, [leads_out(path, root)])
            name = f"{audience.name}/{path.stem}"
            found[name] = path
            if not EXPORT_NAME.fullmatch(name):
                problems.append(
                    f"{printable(path)}: an export is <audience>/<query>.sql, in lower-case letters, digits and "
                    f"underscores; rename it, or start its name with {NOT_RUN_PREFIX} to keep it from running"
                )
    if problems:
        raise SourceFileError("\n".join(problems))
    return dict(sorted(found.items()))


def system_of_query(query: Path) -> str | None:
    """Return the system whose tables an archive query reads, from a first line ``-- system: <name>``; else None.

    A run that leaves this system out leaves the export out. Only the first line is looked at.

    :raises SourceFileError: the first line cannot be read, or looks like such a line but is not.
    """
    line = decoded(query, read_bytes(query).partition(b"\n")[0]).strip()
    match = SYSTEM_LINE.fullmatch(line)
    if match is None and NEARLY_SYSTEM_LINE.match(line):
        raise SourceFileError(
            f"{printable(query)}, line 1: {line!r} is not '-- system: <name>'; write it so, or remove it"
        )
    return match["system"] if match else None


def _queries(audience: Path) -> list[Path]:
    if not is_folder(audience):
        return []
    return [path for path in entries(audience) if path.suffix == ".sql" and not path.name.startswith(NOT_RUN_PREFIX)]
