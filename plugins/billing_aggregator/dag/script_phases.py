"""The phases that are folders of SQL: one task group a phase, one a system, one task a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import TaskGroup, chain

from billing_aggregator.operators.sql_check import SqlCheckOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import NightPhase, ScriptPhase, SystemScripts
    from billing_aggregator.sql.scripts import Script


def scripts_phase(night_phase: NightPhase, config: ClientConfig) -> TaskGroup:
    """Return the task group of a phase: one group for each system that has scripts in it.

    Systems run side by side, or in the order of their dependencies where the phase is ordered.
    """
    phase = night_phase.phase
    with TaskGroup(phase.name) as group:
        systems = [system_scripts(phase, system, config) for system in night_phase.systems if system.scripts]
        if phase.ordered and len(systems) > 1:
            chain(*systems)
    return group


def system_scripts(phase: ScriptPhase, system: SystemScripts, config: ClientConfig) -> TaskGroup:
    """Return the group of one system: scripts of one number side by side, the next number behind all of them."""
    with TaskGroup(system.system) as group:
        before: list[SqlScriptOperator | SqlCheckOperator] = []
        for stage in system.stages:
            tasks = [script_task(phase, system.system, script, config) for script in stage]
            for task in before:
                task >> tasks
            before = tasks
    return group


def script_task(
    phase: ScriptPhase, system: str, script: Script, config: ClientConfig
) -> SqlScriptOperator | SqlCheckOperator:
    """Return the task of one script, or of one check."""
    operator = SqlCheckOperator if phase.checks else SqlScriptOperator
    return operator(
        task_id=script.name,
        sql=script.relative,
        client_config=config,
        system=system,
        publishes=phase.publishes,
    )
