"""From configuration and folders to the description of a client's night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.load import sql_root
from billing_aggregator.config.text_files import SourceFileError, is_folder, printable
from billing_aggregator.night.description import Night, NightPhase, SystemScripts
from billing_aggregator.night.exports import read_exports
from billing_aggregator.night.phases import SCRIPT_PHASES
from billing_aggregator.sql.read_once import ReadOnce
from billing_aggregator.sql.scripts import find_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night.phases import ScriptPhase

# Folders of phases that have another name now.
RENAMED = {"export": "release"}


def read_night(config: ClientConfig, once: ReadOnce | None = None) -> Night:
    """Return the client's night, with every problem of names and places in it.

    Lists folders and reads the first line of each export query; no script is opened.

    :param once: has read what other clients have of the same folders.
    :raises ConfigError: the SQL folder does not exist.
    """
    once = once or ReadOnce()
    root = sql_root(config)
    phases = tuple(
        NightPhase(phase, tuple(_system(config, root, phase, system, once) for system in config.systems))
        for phase in SCRIPT_PHASES
    )
    exports, problems = read_exports(config, root, once)
    return Night(config, root, phases, exports, tuple(_renamed(root)), problems)


def _system(config: ClientConfig, root: Path, phase: ScriptPhase, system: str, once: ReadOnce) -> SystemScripts:
    try:
        scripts = find_scripts(root, phase.name, system, config.client, once)
    except SourceFileError as error:
        return SystemScripts(system, (), tuple(str(error).splitlines()))
    if phase.required and not scripts:
        return SystemScripts(system, (), (_no_scripts(config, root / phase.name, system),))
    return SystemScripts(system, tuple(scripts))


def _no_scripts(config: ClientConfig, folder: Path, system: str) -> str:
    return (
        f"{folder / system}: system {system} has no scripts here; add NNN_name.sql files or "
        f"remove {system} from the systems of {config.client}/{config.environment}"
    )


def _renamed(root: Path) -> Iterator[str]:
    for old, new in RENAMED.items():
        try:
            found = is_folder(root / old)
        except SourceFileError:
            continue
        if found:
            yield f"{printable(root / old)}: the phase is called {new}: rename the folder"
