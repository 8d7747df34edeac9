"""A phase's tasks run on the executor that the configuration names, where this Airflow has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from billing_aggregator.config import ClientConfig
from billing_aggregator.config.load import load_client
from billing_aggregator.config.values import PhaseName
from billing_aggregator.dag.build import build_dag
from billing_aggregator.dag.placement import available
from billing_aggregator.night import read_night
from billing_aggregator.night.phases import DAG_PHASES
from tests.conftest import ROOT

if TYPE_CHECKING:
    from airflow.sdk import DAG

SMALL = {"start": "LocalExecutor", "prechecks": "LocalExecutor", "export": "LocalExecutor", "cleanup": "LocalExecutor"}


def dag(**executors: str) -> DAG:
    config = load_client("enercity", "local", environ={})
    return build_dag(read_night(ClientConfig.model_validate(config.model_dump() | {"executors": executors})))


def placed(found: DAG) -> dict[str, str | None]:
    """Return phase → executor of its tasks, which all have the same."""
    phases: dict[str, set[str | None]] = {}
    for task in found.tasks:
        phases.setdefault(task.task_id.partition(".")[0], set()).add(task.executor)
    assert {phase: names for phase, names in phases.items() if len(names) != 1} == {}
    return {phase: names.pop() for phase, names in phases.items()}


def test_the_phases_are_those_of_the_dag() -> None:
    assert get_args(PhaseName) == DAG_PHASES


def test_by_default_airflow_decides() -> None:
    assert set(placed(dag()).values()) == {None}


def test_small_phases_run_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor,LocalExecutor")
    found = placed(dag(**SMALL))
    expected = {"start", "finish", "prechecks", "export", "cleanup"}
    assert {phase for phase, executor in found.items() if executor == "LocalExecutor"} == expected
    assert {executor for phase, executor in found.items() if phase not in expected} == {None}


@pytest.mark.parametrize("configured", ["CeleryExecutor", "LocalExecutor"])
def test_where_there_is_one_executor_the_file_is_the_same(monkeypatch: pytest.MonkeyPatch, configured: str) -> None:
    """On MWAA, in Compose and inside a pod; Airflow would refuse the whole DAG file."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", configured)
    assert set(placed(dag(init="KubernetesExecutor")).values()) == {None}


def test_aliases_and_classes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor, small:tests.executors.SmallExecutor")
    assert {"KubernetesExecutor", "small", "SmallExecutor", "tests.executors.SmallExecutor"} <= available()


def test_airflow_accepts_what_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own check of every DAG, which makes an import error of an unknown executor."""
    from airflow.dag_processing.dagbag import _validate_executor_fields

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    _validate_executor_fields(dag(init="KubernetesExecutor", start="LocalExecutor"))
    wrong = dag()
    (task,) = (task for task in wrong.tasks if task.task_id == "start")
    setattr(task, "executor", "KubernetesExecutor")  # noqa: B010 - read-only for mapped tasks, which this is not
    with pytest.raises(Exception, match="KubernetesExecutor"):
        _validate_executor_fields(wrong)


def test_the_page_counts_the_tasks_of_a_night() -> None:
    """docs/deploy.md tells what a night costs in pods."""
    found = dag()
    depth: dict[str, int] = {}
    for task in found.topological_sort():
        depth[task.task_id] = 1 + max((depth[other] for other in task.upstream_task_ids), default=0)
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"has {len(found.tasks)} tasks" in text
    assert f"wait for each other has {max(depth.values())}." in text
