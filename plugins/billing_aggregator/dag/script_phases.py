"""The phases that are folders of SQL: one task group a phase, in it each system's scripts or checks.

Where a phase is ordered, a system waits for those before it: its first script that needs them, and what follows.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from airflow.sdk import TaskGroup

from billing_aggregator.dag.edges import each_after_all
from billing_aggregator.dag.placement import phase_group
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import NightPhase, ScriptPhase, SystemScripts
    from billing_aggregator.night.needs import Numbers
    from billing_aggregator.sql.scripts import Script


def scripts_phase(night_phase: NightPhase, config: ClientConfig, numbers: Numbers) -> TaskGroup:
    """Return the task group of a phase: for each system that has scripts in it a group, or one task for its checks.

    Systems run side by side, or in the order of their dependencies where the phase is ordered.

    :param numbers: from which script on a system waits for another one.
    """
    phase = night_phase.phase
    systems = [system for system in night_phase.systems if system.scripts]
    with phase_group(config, phase.name) as group:
        if phase.checks:
            for system in systems:
                system_checks(system, config)
            return group
        built = {system.system: system_scripts(phase, system, config) for system in systems}
        for before, after in combinations(systems if phase.ordered else (), 2):
            waiting = after.waits_at(numbers, before.system) if phase.numbered_needs else 0
            wait(built[before.system], built[after.system], waiting)
    return group


def wait(before: SystemTasks, after: SystemTasks, stage: int | None) -> None:
    """Let a system wait for another one from *stage*, an index, on; None: it needs nothing of it here."""
    if stage == 0:
        before.group >> after.group
    elif stage is not None:
        for task in after.stages[stage]:
            task.set_upstream(before.group)


class SystemTasks(NamedTuple):
    """The tasks of one system in a phase.

    :param stages: its tasks by the number of their scripts, in order.
    """

    group: TaskGroup
    stages: list[list[SqlScriptOperator]]


def system_checks(system: SystemScripts, config: ClientConfig) -> SqlChecksOperator:
    """Return the task of all checks of one system: a check takes milliseconds, a task seconds."""
    return SqlChecksOperator(
        task_id=system.system,
        sql=[check.relative for check in system.scripts],
        client_config=config,
        system=system.system,
    )


def system_scripts(phase: ScriptPhase, system: SystemScripts, config: ClientConfig) -> SystemTasks:
    """Return the tasks of one system: scripts of one number side by side, the next number behind all of them."""
    stages: list[list[SqlScriptOperator]] = []
    with TaskGroup(system.system) as group:
        for stage in system.stages:
            tasks = [script_task(phase, system.system, script, config) for script in stage]
            if stages:
                each_after_all(tasks, stages[-1])
            stages.append(tasks)
    return SystemTasks(group, stages)


def script_task(phase: ScriptPhase, system: str, script: Script, config: ClientConfig) -> SqlScriptOperator:
    """Return the task of one script."""
    return SqlScriptOperator(
        task_id=script.name,
        sql=script.relative,
        client_config=config,
        system=system,
        publishes=phase.publishes,
    )
