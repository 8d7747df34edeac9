"""From folders of SQL to the ordered scripts of one client. Pure: no Airflow, no database.

``<root>/<phase>/<system>/NNN_what_it_makes.sql`` are the scripts of every client. A folder of the client's name below
the system (else ``default/``) overlays them: a script of the same name replaces, a new name is added at its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCRIPT_NAME = re.compile(r"(?P<stage>\d{3})_[a-z0-9][a-z0-9_]*\.sql")
SYSTEM_LINE = re.compile(r"-- system: (?P<system>[a-z][a-z0-9_]*)")
NOT_RUN_PREFIX = "NOEXEC_"
DEFAULT_FOLDER = "default"
BASE = "base"


class ScriptError(ValueError):
    """The SQL folders are not as they must be; the message names the file or folder and the way out."""


@dataclass(frozen=True, order=True)
class Script:
    """One SQL file: one task, one connection, one transaction.

    :param stage: the number in front of the name; scripts of one stage do not depend on each other.
    :param name: the file's name without ``.sql``.
    :param path: the file.
    :param origin: ``base``, or the name of the folder (client or ``default``) that the file comes from.
    :param relative: the path from the SQL root, with forward slashes, as Airflow's template search needs it.
    """

    stage: int
    name: str
    path: Path
    origin: str
    relative: str

    def read(self) -> str:
        """Return the script's text; raises :class:`ScriptError` for a byte order mark or other encodings than UTF-8."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ScriptError(f"{self.path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
        if text.startswith("\ufeff"):
            raise ScriptError(f"{self.path}: starts with a byte order mark; save the file as UTF-8 without BOM")
        return text


def find_scripts(root: Path, phase: str, system: str, client: str) -> list[Script]:
    """Return the scripts of *system* in *phase* for *client*, in the order of execution.

    A missing phase or system folder gives an empty list: not every system has scripts in every phase.

    :raises ScriptError: a script's name does not start with three digits, or two files differ in case only.
    """
    folder = root / phase / system
    if not folder.is_dir():
        return []
    overlay = folder / client
    if not overlay.is_dir():
        overlay = folder / DEFAULT_FOLDER
    found = {script.name: script for script in _folder_scripts(folder, root, BASE)}
    if overlay.is_dir():
        found |= {script.name: script for script in _folder_scripts(overlay, root, overlay.name)}
    return sorted(found.values())


def stages(scripts: Iterable[Script]) -> list[list[Script]]:
    """Group ordered scripts by their number: the scripts of one group may run side by side."""
    groups: dict[int, list[Script]] = {}
    for script in sorted(scripts):
        groups.setdefault(script.stage, []).append(script)
    return list(groups.values())


def find_queries(root: Path) -> dict[str, Path]:
    """Return ``audience/query`` → file for each query under ``archive/<audience>/``, sorted by name."""
    archive = root / "archive"
    if not archive.is_dir():
        return {}
    files = (path for path in sorted(archive.glob("*/*.sql")) if not path.name.startswith(NOT_RUN_PREFIX))
    return {f"{path.parent.name}/{path.stem}": path for path in files}


def system_of_query(query: Path) -> str | None:
    """Return the system whose tables an archive query reads, from a first line ``-- system: <name>``; else None.

    A run that leaves this system out leaves the export out.
    """
    with query.open(encoding="utf-8") as lines:
        match = SYSTEM_LINE.fullmatch(lines.readline().strip())
    return match["system"] if match else None


def _folder_scripts(folder: Path, root: Path, origin: str) -> list[Script]:
    scripts = []
    problems = []
    seen: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix != ".sql" or path.name.startswith(NOT_RUN_PREFIX):
            continue
        match = SCRIPT_NAME.fullmatch(path.name)
        if match is None:
            problems.append(
                f"{path}: a script's name is NNN_what_it_makes.sql: three digits, then lower-case words; "
                f"rename it, or start its name with {NOT_RUN_PREFIX} to keep it from running"
            )
            continue
        twin = seen.setdefault(path.name.split("_", 1)[1], path.name)
        if twin != path.name:
            problems.append(f"{path}: {twin} in the same folder has the same name; remove or rename one of them")
        relative = path.relative_to(root).as_posix()
        scripts.append(Script(int(match["stage"]), path.stem, path, origin, relative))
    if problems:
        raise ScriptError("\n".join(problems))
    return scripts
