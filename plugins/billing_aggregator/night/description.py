"""What a client's night consists of. Files' texts are read only when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import printable
from billing_aggregator.sql.checks import parse_check
from billing_aggregator.sql.scripts import stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night.exports import NightExport
    from billing_aggregator.night.phases import ScriptPhase
    from billing_aggregator.sql.checks import Check
    from billing_aggregator.sql.scripts import Script


@dataclass(frozen=True)
class SystemScripts:
    """The scripts of one system in one phase.

    :param scripts: in the order of execution; none where a problem leaves open which ones they are.
    :param problems: a line for each file or folder that is not called or placed as it must be.
    """

    system: str
    scripts: tuple[Script, ...]
    problems: tuple[str, ...] = ()

    @property
    def stages(self) -> list[list[Script]]:
        """The scripts by their number: those of one number run side by side."""
        return stages(self.scripts)

    def waits_at(self, needed_from: Mapping[str, Mapping[str, int]], before: str) -> int | None:
        """Return the index of the first stage that waits for the system *before*; None where none has to.

        :param needed_from: of each system the numbers from which on it needs another; it waits from its first script on
            for a system that has none there.
        """
        number = needed_from.get(self.system, {}).get(before, 0)
        return next((place for place, stage in enumerate(self.stages) if stage[0].stage >= number), None)


@dataclass(frozen=True)
class NightPhase:
    """One folder phase with the client's systems, in the order of their dependencies."""

    phase: ScriptPhase
    systems: tuple[SystemScripts, ...]

    @property
    def has_scripts(self) -> bool:
        """Whether a system of the client has a script here, or a problem to be told."""
        return any(system.scripts or system.problems for system in self.systems)


@dataclass(frozen=True)
class Night:
    """One client's night, from configuration and folders.

    :param config: the client and environment.
    :param root: the folder of the SQL phases.
    :param phases: the phases that are folders of SQL, in their order.
    :param exports: in the order in which they are listed: results of systems, then queries by name.
    :param folder_problems: a line for each phase's folder that has an outdated name.
    :param export_problems: a line for each problem that keeps an export from being listed.
    """

    config: ClientConfig
    root: Path
    phases: tuple[NightPhase, ...]
    exports: tuple[NightExport, ...]
    folder_problems: tuple[str, ...] = ()
    export_problems: tuple[str, ...] = ()

    @property
    def systems(self) -> tuple[str, ...]:
        """The client's systems in the order in which they run."""
        return self.config.systems

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each problem found while reading: names, places, first lines of queries; see also ``problems``."""
        found = [*self.folder_problems]
        found += [line for phase in self.phases for system in phase.systems for line in system.problems]
        found += [*self.export_problems, *(export.problem for export in self.exports if export.problem)]
        return tuple(dict.fromkeys(found))

    def phase(self, name: str) -> NightPhase:
        """Return the phase of this name; raises KeyError."""
        return {phase.phase.name: phase for phase in self.phases}[name]

    def scripts(self) -> Iterator[tuple[ScriptPhase, Script]]:
        """Yield every script and check with its phase."""
        for phase in self.phases:
            for system in phase.systems:
                for script in system.scripts:
                    yield phase.phase, script

    def check(self, script: Script) -> Check:
        """Return a check with its heading; its severity is the client's where ``check_severity`` has it.

        Read when asked for: a worker that runs one task needs no other task's file.

        :raises SourceFileError: the file cannot be read, or its heading is wrong (CheckError).
        """
        check = parse_check(script.read(), printable(script.path))
        return replace(check, severity=self.config.severity_of(script.key, check.severity))
