"""From folders of SQL to the ordered scripts of one client. Pure: no Airflow, no database.

``<root>/<phase>/<system>/NNN_what_it_makes.sql`` are the scripts of every client. A folder of the client's name below
the system (else ``default/``) overlays them: a script of the same name replaces, a new name is added at its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from billing_aggregator.config.text_files import SourceFileError, entries, is_folder, leads_out, printable, read_sql
from billing_aggregator.sql.read_once import ReadOnce

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Script", "SourceFileError", "find_scripts", "stage_of", "stages"]

SCRIPT_NAME = re.compile(r"(?P<stage>\d{3})_[a-z0-9][a-z0-9_]*\.sql")
NOT_RUN_PREFIX = "NOEXEC_"
NO_STATEMENT = f"holds no statement; add one, or start its name with {NOT_RUN_PREFIX}"
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

    @property
    def key(self) -> str:
        """The relative path without ``.sql``: how ``check_severity`` names a check."""
        return self.relative.removesuffix(".sql")

    def read(self) -> str:
        """Return the script's text as the file has it; see :func:`billing_aggregator.config.text_files.read_sql`."""
        return read_sql(self.path)


def find_scripts(root: Path, phase: str, system: str, client: str, once: ReadOnce | None = None) -> list[Script]:
    """Return the scripts of *system* in *phase* for *client*, in the order of execution.

    A missing phase or system folder gives an empty list: not every system has scripts in every phase.

    :param once: has read what other clients have of the same folders.

    :raises SourceFileError: a script's name does not start with three digits, two files have the same name, or the
        folder of a phase, system or client is not a folder.
    """
    once = once or ReadOnce()
    phases = root / phase
    folder = phases / system
    if not once(is_folder, phases) or not once(is_folder, folder):
        return []
    overlay = folder / client
    if not is_folder(overlay):
        overlay = folder / DEFAULT_FOLDER
    return once(_overlaid, folder, overlay, root)


def _overlaid(folder: Path, overlay: Path, root: Path) -> list[Script]:
    """Return the scripts of a system's folder with those of a client's over them, in order."""
    found = {script.name: script for script in folder_scripts(folder, root, BASE)}
    if is_folder(overlay):
        found |= {script.name: script for script in folder_scripts(overlay, root, overlay.name)}
    return sorted(found.values())


class Staged(Protocol):
    """A script or a check: its number, and its name within the number."""

    @property
    def stage(self) -> int:
        """The number in front of its name."""

    @property
    def name(self) -> str:
        """What orders those of one number."""


StagedT = TypeVar("StagedT", bound=Staged)


def stage_of(relative: str) -> int:
    """Return the number in front of a script's name, from its path below the SQL root.

    :raises SourceFileError: the name has none.
    """
    match = SCRIPT_NAME.fullmatch(relative.rpartition("/")[2])
    if match is None:
        raise SourceFileError(f"{relative}: a script's name is NNN_what_it_makes.sql")
    return int(match["stage"])


def stages(scripts: Iterable[StagedT]) -> list[list[StagedT]]:
    """Group scripts or checks by their number, in order: those of one group may run side by side."""
    groups: dict[int, list[StagedT]] = {}
    for script in sorted(scripts, key=lambda staged: (staged.stage, staged.name)):
        groups.setdefault(script.stage, []).append(script)
    return list(groups.values())


def folder_scripts(folder: Path, root: Path, origin: str) -> list[Script]:
    """Return the scripts in *folder* itself, in the order of their files' names.

    :raises SourceFileError: a script's name does not start with three digits, or two have the same name, or a link
        leads out of *root*.
    """
    out = leads_out(folder, root)
    if out:
        raise SourceFileError(out)
    scripts = []
    problems: list[str] = []
    seen: dict[str, str] = {}
    for path in entries(folder):
        if path.suffix != ".sql" or path.name.startswith(NOT_RUN_PREFIX):
            continue
        if path.is_symlink() and path.is_file():
            problems += filter(None, [leads_out(path, root)])
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
