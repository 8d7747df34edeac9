"""The DAGs of all clients, or of a part of them: what a DAG file registers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from airflow.sdk import get_parsing_context

from billing_aggregator.config import load_clients
from billing_aggregator.config.clients_file import NO_ENVIRONMENT
from billing_aggregator.config.load import is_dag_of
from billing_aggregator.config.values import ENVIRONMENT_NAMES
from billing_aggregator.dag.all_dags import dags_of
from billing_aggregator.sql.read_once import ReadOnce

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import DAG


def build_dags(*, environments: Collection[str] | None = None, part: int = 1, of: int = 1) -> dict[str, DAG]:
    """Return the DAGs of ``include/clients.yaml`` by id; in a task's process the task's own DAG alone.

    :param environments: the DAGs of these; None: of all. A client whose entry names no environment is in every file.
    :param part: which part of the clients, 1 to *of*. A client stays in its part whatever others come or go.
    :param of: into how many parts, of about the same size, the clients are split; one DAG file builds one part.
    :raises ValueError: an unknown environment, or no such part.
    :raises ConfigError: the file or a variable is wrong in a way that concerns all clients.
    """
    if not 1 <= part <= of:
        raise ValueError(f"build_dags(part={part}, of={of}): give a part from 1 to {of}")
    if isinstance(environments, str) or (unknown := sorted(set(environments or ()) - set(ENVIRONMENT_NAMES))):
        what = environments if isinstance(environments, str) else unknown[0]
        raise ValueError(f"build_dags: environments is a list of {', '.join(sorted(ENVIRONMENT_NAMES))}, not {what!r}")
    wanted = get_parsing_context()

    def is_here(client: str, environment: str) -> bool:
        return (
            (wanted.dag_id is None or is_dag_of(wanted.dag_id, client, environment))
            and (environments is None or environment in (*environments, NO_ENVIRONMENT))
            and crc32(client.encode()) % of == part - 1
        )

    once = ReadOnce()
    found: dict[str, DAG] = {}
    for config in load_clients(wanted=is_here):
        found.update({dag.dag_id: dag for dag in dags_of(config, wanted.dag_id, wanted.task_id, once)})
    return found
