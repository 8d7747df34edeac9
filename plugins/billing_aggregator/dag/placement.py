"""On which executor the tasks of a phase run, where Airflow has several.

On Kubernetes every task is a pod, and a phase of small tasks spends its time in starting them. An entry of the
configuration names another executor for such a phase. It is used only where this Airflow has that executor: the same
``clients.yaml`` is read on MWAA and in Compose, which have one only, and inside the pods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.configuration import conf

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig


def placement(config: ClientConfig, phase: str) -> dict[str, str]:
    """Return the arguments of the phase's tasks that name their executor; none for Airflow's default one.

    :param phase: one of :data:`billing_aggregator.night.phases.DAG_PHASES`; ``start`` for the run's last task too.
    """
    executor = {str(name): found for name, found in config.executors.items()}.get(phase)
    return {"executor": executor} if executor is not None and executor in available() else {}


def available() -> frozenset[str]:
    """Return the names that Airflow's ``[core] executor`` has for its executors: names, aliases, classes."""
    entries = conf.get_mandatory_list_value("core", "executor")
    names = {part for entry in entries for part in entry.strip().split(":") if part}
    return frozenset(names | {name.rpartition(".")[2] for name in names})
