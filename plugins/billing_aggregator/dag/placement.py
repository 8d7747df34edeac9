"""On which executor the tasks of a phase run, where Airflow has several.

On Kubernetes every task is a pod, and a phase of small tasks spends its time in starting them. An entry of the
configuration names another executor for such a phase. It is used only where this Airflow has that executor: the same
``clients.yaml`` is read on MWAA and in Compose, which have one only, and inside the pods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import TaskGroup

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig


def phase_group(config: ClientConfig, phase: str) -> TaskGroup:
    """Return the group of a phase, whose tasks run where the configuration says."""
    executor = executor_of(config, phase)
    arguments: Any = {} if executor is None else {"executor": executor}
    return TaskGroup(phase, default_args=arguments)


def executor_of(config: ClientConfig, phase: str) -> str | None:
    """Return the executor of the phase's tasks; None for Airflow's default one.

    :param phase: one of :data:`billing_aggregator.night.phases.DAG_PHASES`; ``start`` for the run's last task too.
    """
    named = {str(name): executor for name, executor in config.executors.items()}.get(phase)
    return named if named is not None and named in available() else None


def available() -> frozenset[str]:
    """Return the names that Airflow's ``[core] executor`` has for its executors: names, aliases, classes."""
    entries = conf.get_mandatory_list_value("core", "executor")
    names = {part for entry in entries for part in entry.strip().split(":") if part}
    return frozenset(names | {name.rpartition(".")[2] for name in names})
