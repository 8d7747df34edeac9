"""``plan``: what a run would do, phase by phase; reads folders and configuration only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli import contents
from billing_aggregator.cli.results import DONE
from billing_aggregator.config.load import sql_root
from billing_aggregator.sql.checks import parse_check
from billing_aggregator.sql.scripts import stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.params import RunParams
    from billing_aggregator.sql.scripts import Script

BEFORE_EXPORTS = ("prechecks", "init", "audits", "export")
AFTER_EXPORTS = ("history", "cleanup")
WRITES_FOR_READERS = ("history",)
NAME_WIDTH = 34


@dataclass(frozen=True)
class Plan:
    """The run that was asked for: its configuration and its resolved params."""

    config: ClientConfig
    run: RunParams
    status: int = DONE

    def data(self) -> dict[str, Any]:
        """Return the plan for machines: phases with systems and scripts, exports with keys."""
        config, run = self.config, self.run
        return {
            "ok": True,
            "client": config.client,
            "environment": config.environment,
            "dag_id": config.dag_id,
            "schedule": config.schedule,
            "business_date": run.business_date.isoformat(),
            "systems": list(run.systems),
            "left_out": [system for system in contents.systems_in_order(config) if system not in run.systems],
            "dry_run": run.dry_run,
            "max_rows_per_file": run.max_rows_per_file,
            "database_connection": config.database_conn_id,
            "bucket": config.s3_bucket,
            "sql_folder": str(sql_root(config)),
            "phases": {phase: self._phase(phase) for phase in (*BEFORE_EXPORTS, *AFTER_EXPORTS)},
            "exports": [
                {"name": export.name, "source": export.source, "first_key": export.key} for export in self._exports()
            ],
            "manifest_key": config.manifest_key,
        }

    def text(self) -> str:
        """Return the plan for people."""
        config, run = self.config, self.run
        left_out = [system for system in contents.systems_in_order(config) if system not in run.systems]
        lines = [
            f"Plan of {config.client} / {config.environment} ({config.dag_id})",
            f"  schedule       {config.schedule or 'none: manual runs only'}",
            f"  business date  {run.business_date}",
            f"  systems        {', '.join(run.systems)}" + (f"; left out: {', '.join(left_out)}" if left_out else ""),
            f"  warehouse      connection {config.database_conn_id}, else BDA_DB_*",
            f"  SQL folder     {sql_root(config)}",
        ]
        lines.append("  scripts        in the order of their numbers; those marked | run side by side")
        if run.dry_run:
            lines.append("  dry run        nothing is published, no history is kept")
        for phase in BEFORE_EXPORTS:
            lines += self._phase_text(phase)
        lines += ["", f"exports: at most {run.max_rows_per_file:,} rows a file, into s3://{config.s3_bucket}/"]
        lines += [f"    {export.name:<{NAME_WIDTH}} {export.key}  from {export.source}" for export in self._exports()]
        lines += ["", "publish"]
        lines.append(
            "    skipped: dry run" if run.dry_run else f"    {'_manifest.json':<{NAME_WIDTH}} {config.manifest_key}"
        )
        for phase in AFTER_EXPORTS:
            lines += self._phase_text(phase)
        return "\n".join(lines)

    def _phase_text(self, phase: str) -> Iterator[str]:
        yield ""
        yield phase
        for system, scripts in self._phase(phase).items():
            if not scripts:
                continue
            if system not in self.run.systems:
                yield f"  {system}: left out"
                continue
            if self.run.dry_run and phase in WRITES_FOR_READERS:
                yield f"  {system}: skipped, dry run"
                continue
            yield f"  {system}"
            for script in scripts:
                origin = "" if script["folder"] == "base" else f"  from {script['folder']}/"
                title = f"  {script['severity']}: {script['title']}" if "severity" in script else ""
                mark = "|" if script["side_by_side"] else " "
                yield f"   {mark}{script['name']:<{NAME_WIDTH}}{origin}{title}".rstrip()

    def _phase(self, phase: str) -> dict[str, list[dict[str, Any]]]:
        return {
            system: [
                self._script(phase, script, side_by_side=len(stage) > 1)
                for stage in stages(contents.phase_scripts(self.config, phase, system))
                for script in stage
            ]
            for system in contents.systems_in_order(self.config)
        }

    def _script(self, phase: str, script: Script, *, side_by_side: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "name": script.name,
            "stage": script.stage,
            "folder": script.origin,
            "path": script.relative,
            "side_by_side": side_by_side,
        }
        if phase in contents.CHECK_PHASES:
            check = parse_check(script.read(), script.path)
            configured = self.config.check_severity.get(script.relative.removesuffix(".sql"))
            shown |= {"severity": configured or check.severity, "title": check.title}
        return shown

    def _exports(self) -> list[contents.Export]:
        wanted = (None, *self.run.systems)
        return [export for export in contents.exports(self.config) if export.system in wanted]


def plan(config: ClientConfig, run: RunParams) -> Plan:
    """Return what a run with these params would do.

    :raises ConfigError: the SQL folder is missing.
    :raises SourceFileError: a script's name is wrong.
    """
    return Plan(config, run)
