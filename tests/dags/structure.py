"""A DAG's graph as readable text: each task after its phase, with the tasks that it waits for.

``python -m tests.dags.structure enercity local`` prints it.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG

STAGE = re.compile(r".*\.\d{3}_")


def describe(dag: DAG) -> str:
    """Return one line a task, in topological order: ``task <- tasks that it waits for``.

    ``init.tripica.040_*`` stands for all scripts of a stage, ``every other task`` for all of the DAG.
    """
    lines = []
    for task in dag.topological_sort():
        waits = _waits(dag, set(task.upstream_task_ids), task.task_id)
        lines.append(f"{task.task_id} <- {', '.join(waits)}" if waits else task.task_id)
    return "\n".join(lines) + "\n"


def _waits(dag: DAG, upstream: set[str], task_id: str) -> list[str]:
    if len(upstream) > 1 and upstream == set(dag.task_ids) - {task_id}:
        return ["every other task"]
    stages: dict[str, set[str]] = {}
    for other in dag.task_ids:
        if match := STAGE.match(other):
            stages.setdefault(match[0], set()).add(other)
    named = {f"{stage}*": tasks for stage, tasks in stages.items() if len(tasks) > 1 and tasks <= upstream}
    return sorted(upstream - {task for tasks in named.values() for task in tasks} | set(named))


if __name__ == "__main__":
    from billing_aggregator.config import load_client
    from billing_aggregator.dag.build import build_dag
    from billing_aggregator.night import read_night

    sys.stdout.write(describe(build_dag(read_night(load_client(sys.argv[1], sys.argv[2], environ={})))))
