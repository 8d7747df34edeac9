"""The phases that are folders of SQL: one task group a phase, in it each system's scripts or checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import TaskGroup, chain

from billing_aggregator.dag.placement import phase_group
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import NightPhase, ScriptPhase, SystemScripts
    from billing_aggregator.sql.scripts import Script


def scripts_phase(night_phase: NightPhase, config: ClientConfig) -> TaskGroup:
    """Return the task group of a phase: for each system that has scripts in it a group, or one task for its checks.

    Systems run side by side, or in the order of their dependencies where the phase is ordered.
    """
    phase = night_phase.phase
    with phase_group(config, phase.name) as group:
        systems = [
            system_checks(system, config) if phase.checks else system_scripts(phase, system, config)
            for system in night_phase.systems
            if system.scripts
        ]
        if phase.ordered and len(systems) > 1:
            chain(*systems)
    return group


def system_checks(system: SystemScripts, config: ClientConfig) -> SqlChecksOperator:
    """Return the task of all checks of one system: a check takes milliseconds, a task seconds."""
    return SqlChecksOperator(
        task_id=system.system,
        sql=[check.relative for check in system.scripts],
        client_config=config,
        system=system.system,
    )


def system_scripts(phase: ScriptPhase, system: SystemScripts, config: ClientConfig) -> TaskGroup:
    """Return the group of one system: scripts of one number side by side, the next number behind all of them."""
    with TaskGroup(system.system) as group:
        before: list[SqlScriptOperator] = []
        for stage in system.stages:
            tasks = [script_task(phase, system.system, script, config) for script in stage]
            for task in tasks if before else ():
                task.set_upstream(before)
            before = tasks
    return group


def script_task(phase: ScriptPhase, system: str, script: Script, config: ClientConfig) -> SqlScriptOperator:
    """Return the task of one script."""
    return SqlScriptOperator(
        task_id=script.name,
        sql=script.relative,
        client_config=config,
        system=system,
        publishes=phase.publishes,
    )
