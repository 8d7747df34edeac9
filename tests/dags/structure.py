"""A DAG's graph as text that a person can read: each task behind its phase, with the tasks that it waits for.

``python -m tests.dags.structure enercity local`` prints it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG


def describe(dag: DAG) -> str:
    """Return one line a task, in topological order: ``task <- tasks that it waits for``.

    A whole task group that a task waits for is written by its name.
    """
    lines = []
    for task in dag.topological_sort():
        upstream = sorted(task.upstream_task_ids)
        waits = f" <- {', '.join(upstream)}" if upstream else ""
        lines.append(f"{task.task_id}{waits}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from billing_aggregator.config import load_client
    from billing_aggregator.pipeline import build_dag

    sys.stdout.write(describe(build_dag(load_client(sys.argv[1], sys.argv[2], environ={}))))
