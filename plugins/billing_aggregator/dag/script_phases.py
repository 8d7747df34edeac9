"""The phases that are folders of SQL: one task group a phase, one a system, one task a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import TaskGroup, chain

from billing_aggregator.config.models import ordered
from billing_aggregator.operators.sql_check import SqlCheckOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator
from billing_aggregator.sql.folders import no_scripts
from billing_aggregator.sql.scripts import Script, SourceFileError, find_scripts, stages

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.config import ClientConfig

CHECK_PHASES = ("prechecks", "audits")
# Phases in which a system waits for the systems that it needs.
ORDERED_PHASES = ("init", "export")


def scripts_phase(phase: str, config: ClientConfig, root: Path, group_id: str | None = None) -> TaskGroup:
    """Return the task group of *phase*: one group for each system, in the order of the systems' dependencies."""
    with TaskGroup(group_id or phase) as group:
        systems = [
            system_scripts(phase, system, scripts, config)
            for system in ordered(config.systems, config.dependencies)
            if (scripts := required_scripts(phase, system, config, root))
        ]
        if phase in ORDERED_PHASES and len(systems) > 1:
            chain(*systems)
    return group


def system_scripts(phase: str, system: str, scripts: list[Script], config: ClientConfig) -> TaskGroup:
    """Return the group of one system: scripts of one number side by side, the next number behind all of them."""
    with TaskGroup(system) as group:
        before: list[SqlScriptOperator | SqlCheckOperator] = []
        for stage in stages(scripts):
            tasks = [script_task(phase, system, script, config) for script in stage]
            for task in before:
                task >> tasks
            before = tasks
    return group


def script_task(phase: str, system: str, script: Script, config: ClientConfig) -> SqlScriptOperator | SqlCheckOperator:
    """Return the task of one script: a check in ``prechecks`` and ``audits``, else a script that writes."""
    operator = SqlCheckOperator if phase in CHECK_PHASES else SqlScriptOperator
    return operator(
        task_id=script.name,
        sql=script.relative,
        client_config=config,
        system=system,
        publishes=phase == "history",
    )


def required_scripts(phase: str, system: str, config: ClientConfig, root: Path) -> list[Script]:
    """Return a system's scripts in *phase*; every system must have scripts in ``init``."""
    scripts = find_scripts(root, phase, system, config.client)
    if phase == "init" and not scripts:
        raise SourceFileError(no_scripts(config, root, system))
    return scripts
