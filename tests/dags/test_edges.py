"""The edges that we set are those of Airflow's own operators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, chain
from airflow.serialization.serialized_objects import DagSerialization

from billing_aggregator.dag.edges import each_after_all, in_a_row

SIZES = (1, 3, 2)


def serialised(*, ours: bool) -> Any:
    """Return a DAG of three groups in a row: the second one has two stages, the last one a group of its own."""
    with DAG("nights", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        start = EmptyOperator(task_id="start")
        groups = []
        for number, size in enumerate(SIZES):
            with TaskGroup(f"group_{number}") as group:
                first, second = ([EmptyOperator(task_id=f"{name}_{n}") for n in range(size)] for name in "ab")
                if ours:
                    each_after_all(second, first)
                else:
                    for task in second:
                        task.set_upstream(first)
                if size == SIZES[-1]:
                    with TaskGroup("inner"):
                        EmptyOperator(task_id="alone")
            groups.append(group)
        if ours:
            in_a_row(start, groups)
        else:
            chain(start, *groups)
    return in_order(DagSerialization.to_dict(dag))


def in_order(value: Any) -> Any:
    """Return *value* with its sets of names, which are lists in any order, sorted."""
    if isinstance(value, dict):
        return {key: in_order(inner) for key, inner in value.items() if key != "fileloc"}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=repr)
    return value


def test_they_are_airflows_own() -> None:
    ours = serialised(ours=True)
    assert ours == serialised(ours=False)
    assert "group_1.a_2" in repr(ours)


@pytest.mark.parametrize("waits", ["group_0.b_0", "group_2.inner.alone"])
def test_a_task_waits_for_the_group_before(waits: str) -> None:
    tasks = {task["__var"]["task_id"]: task["__var"] for task in serialised(ours=True)["dag"]["tasks"]}
    before = {name for name, task in tasks.items() if waits in task.get("downstream_task_ids", [])}
    assert before == ({"group_0.a_0"} if waits.endswith("0") else {"group_1.b_0", "group_1.b_1", "group_1.b_2"})
