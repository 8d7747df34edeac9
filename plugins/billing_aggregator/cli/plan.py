"""``plan``: what a run would do, phase by phase; from the description of the client's night and the run's params."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.results import DONE
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.night.needs import needed_from
from billing_aggregator.night.phases import AFTER_EXPORTS, BEFORE_EXPORTS
from billing_aggregator.night.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from billing_aggregator.night import Night, NightExport, NightPhase, ScriptPhase
    from billing_aggregator.night.needs import Numbers
    from billing_aggregator.runs.params import RunParams
    from billing_aggregator.sql.checks import Check
    from billing_aggregator.sql.scripts import Script

NAME_WIDTH = 34


@dataclass(frozen=True)
class PlannedRun:
    """The run that was asked for.

    :param night: what its client's night consists of.
    :param run: its resolved params.
    :param checks: relative path of each check -> its heading, with the client's severity.
    """

    night: Night
    run: RunParams
    checks: Mapping[str, Check]
    status: int = DONE

    def data(self) -> dict[str, Any]:
        """Return the plan for machines: phases with systems and scripts, exports with keys."""
        config, run = self.night.config, self.run
        return {
            "ok": True,
            "client": config.client,
            "environment": config.environment,
            "dag_id": config.dag_id,
            "schedule": config.schedule,
            "business_date": run.business_date.isoformat(),
            "systems": list(run.systems),
            "left_out": self._left_out(),
            "dry_run": run.dry_run,
            "max_rows_per_file": run.max_rows_per_file,
            "database_connection": config.database_conn_id,
            "bucket": config.s3_bucket,
            "sql_folder": str(self.night.root),
            "phases": {
                phase.phase.name: self._phase(phase)
                for phase in self.night.phases
                if phase.has_scripts or not phase.phase.rare
            },
            "exports": [
                {"name": export.name, "source": export.source, "first_key": export.first_key}
                for export in self._exports()
            ],
            "manifest_key": config.manifest_key,
        }

    def text(self) -> str:
        """Return the plan for people."""
        config, run = self.night.config, self.run
        left_out = self._left_out()
        lines = [
            f"Plan of {config.client} / {config.environment} ({config.dag_id})",
            f"  schedule       {config.schedule or 'none: manual runs only'}",
            f"  business date  {run.business_date}",
            f"  systems        {', '.join(run.systems)}" + (f"; left out: {', '.join(left_out)}" if left_out else ""),
            f"  warehouse      connection {config.database_conn_id}, else BDA_DB_*",
            f"  SQL folder     {self.night.root}",
        ]
        lines.append("  scripts        in the order of their numbers; those marked | run side by side")
        if run.dry_run:
            lines.append("  dry run        nothing is published, no history is kept")
        for phase in BEFORE_EXPORTS:
            if self.night.phase(phase.name).has_scripts or not phase.rare:
                lines += self._phase_text(phase)
        lines += ["", f"exports: at most {run.max_rows_per_file:,} rows a file, into s3://{config.s3_bucket}/"]
        lines += [
            f"    {export.name:<{NAME_WIDTH}} {export.first_key}  from {export.source}" for export in self._exports()
        ]
        lines += ["", "publish"]
        lines.append(
            "    skipped: dry run" if run.dry_run else f"    {'_manifest.json':<{NAME_WIDTH}} {config.manifest_key}"
        )
        for phase in AFTER_EXPORTS:
            lines += self._phase_text(phase)
        return "\n".join(lines)

    def _left_out(self) -> list[str]:
        return [system for system in self.night.systems if system not in self.run.systems]

    def _exports(self) -> list[NightExport]:
        wanted = (None, *self.run.systems)
        return [export for export in self.night.exports if export.system in wanted]

    def _phase_text(self, phase: ScriptPhase) -> Iterator[str]:
        yield ""
        yield phase.name
        for system, scripts in self._phase(self.night.phase(phase.name)).items():
            if not scripts:
                continue
            if system not in self.run.systems:
                yield f"  {system}: left out"
                continue
            if self.run.dry_run and phase.publishes:
                yield f"  {system}: skipped, dry run"
                continue
            yield f"  {system}{self._waits(phase, system)}"
            for script in scripts:
                origin = "" if script["folder"] == "base" else f"  from {script['folder']}/"
                title = f"  {script['severity']}: {script['title']}" if "severity" in script else ""
                mark = "|" if script["side_by_side"] else " "
                yield f"   {mark}{script['name']:<{NAME_WIDTH}}{origin}{title}".rstrip()

    @cached_property
    def _numbers(self) -> Numbers:
        return needed_from(self.night)

    def _waits(self, phase: ScriptPhase, system: str) -> str:
        numbers = self._numbers.get(system, {}) if phase.numbered_needs else {}
        return "".join(f", from {number:03} on behind {other}" for other, number in numbers.items())

    def _phase(self, phase: NightPhase) -> dict[str, list[dict[str, Any]]]:
        return {
            system.system: [
                self._script(phase.phase, script, side_by_side=len(stage) > 1)
                for stage in system.stages
                for script in stage
            ]
            for system in phase.systems
        }

    def _script(self, phase: ScriptPhase, script: Script, *, side_by_side: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "name": script.name,
            "stage": script.stage,
            "folder": script.origin,
            "path": script.relative,
            "side_by_side": side_by_side,
        }
        if phase.checks:
            check = self.checks[script.relative]
            shown |= {"severity": check.severity, "title": check.title}
        return shown


def plan(night: Night, run: RunParams) -> PlannedRun:
    """Return what a run with these params would do.

    :raises SourceFileError: a script or a query is not named or placed as it must be, or a check cannot be read.
    """
    problems = list(night.problems)
    checks: dict[str, Check] = {}
    for phase, script in night.scripts():
        if phase.checks:
            try:
                checks[script.relative] = night.check(script)
            except SourceFileError as error:
                problems.append(str(error))
    refuse(problems)
    return PlannedRun(night, run, checks)
