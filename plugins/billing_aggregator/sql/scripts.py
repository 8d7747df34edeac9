"""From folders of SQL to the ordered scripts of one client. Pure: no Airflow, no database.

``<root>/<phase>/<system>/NNN_what_it_makes.sql`` are the scripts of every client. A folder of the client's name below
the system (else ``default/``) overlays them: a script of the same name replaces, a new name is added at its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import (
    SourceFileError,
    decoded,
    entries,
    is_folder,
    printable,
    read_bytes,
    read_sql,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Script", "SourceFileError", "find_queries", "find_scripts", "stages", "system_of_query"]

SCRIPT_NAME = re.compile(r"(?P<stage>\d{3})_[a-z0-9][a-z0-9_]*\.sql")
SYSTEM_LINE = re.compile(r"-- system: (?P<system>[a-z][a-z0-9_]*)")
NEARLY_SYSTEM_LINE = re.compile(r"--\s*systems?\s*[:=]", re.IGNORECASE)
EXPORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_]*")
NOT_RUN_PREFIX = "NOEXEC_"
DEFAULT_FOLDER = "default"
BASE = "base"


@dataclass(frozen=True, order=True)
class Script:
    """One SQL file: one task, one connection, one transaction.

    :param stage: the number in front of the name; scripts of one stage do not depend on each other.
    :param name: the file's name without ``.sql``.
    :param path: the file.
    :param origin: ``base``, or the name of the folder (client or ``default``) that the file comes from.
    :param relative: the path from the SQL root, with forward slashes, as checks and errors are named.
    """

    stage: int
    name: str
    path: Path
    origin: str
    relative: str

    def read(self) -> str:
        """Return the script's text as the file has it; see :func:`billing_aggregator.config.text_files.read_sql`."""
        return read_sql(self.path)


def find_scripts(root: Path, phase: str, system: str, client: str) -> list[Script]:
    """Return the scripts of *system* in *phase* for *client*, in the order of execution.

    A missing phase or system folder gives an empty list: not every system has scripts in every phase.

    :raises SourceFileError: a script's name does not start with three digits, two files have one name, or something
        that is called like a script or a client's folder is none.
    """
    phases = root / phase
    folder = phases / system
    if not is_folder(phases) or not is_folder(folder):
        return []
    overlay = folder / client
    if not is_folder(overlay):
        overlay = folder / DEFAULT_FOLDER
    found = {script.name: script for script in _folder_scripts(folder, root, BASE)}
    if is_folder(overlay):
        found |= {script.name: script for script in _folder_scripts(overlay, root, overlay.name)}
    return sorted(found.values())


def stages(scripts: Iterable[Script]) -> list[list[Script]]:
    """Group ordered scripts by their number: the scripts of one group may run side by side."""
    groups: dict[int, list[Script]] = {}
    for script in sorted(scripts):
        groups.setdefault(script.stage, []).append(script)
    return list(groups.values())


def find_queries(root: Path) -> dict[str, Path]:
    """Return ``audience/query`` → file for each query under ``archive/<audience>/``, sorted by name.

    :raises SourceFileError: something is not called or placed as a query must be; each in its own line.
    """
    archive = root / "archive"
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

    :raises SourceFileError: the file or its first line cannot be read, or the line is nearly such a line.
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


def _folder_scripts(folder: Path, root: Path, origin: str) -> list[Script]:
    scripts = []
    problems = []
    seen: dict[str, str] = {}
    for path in entries(folder):
        if path.suffix != ".sql" or path.name.startswith(NOT_RUN_PREFIX):
            continue
        match = SCRIPT_NAME.fullmatch(path.name)
        if match is None:
            problems.append(
                f"{printable(path)}: a script's name is NNN_what_it_makes.sql: three digits, then lower-case words; "
                f"rename it, or start its name with {NOT_RUN_PREFIX} to keep it from running"
            )
            continue
        twin = seen.setdefault(path.name.split("_", 1)[1], path.name)
        if twin != path.name:
            problems.append(
                f"{printable(path)}: {twin} in the same folder has the same name; remove or rename one of them"
            )
        relative = path.relative_to(root).as_posix()
        scripts.append(Script(int(match["stage"]), path.stem, path, origin, relative))
    if problems:
        raise SourceFileError("\n".join(problems))
    return scripts
