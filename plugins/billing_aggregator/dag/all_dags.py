"""Every DAG of a client and environment: its night, and one for each of its feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config import ClientConfig
from billing_aggregator.dag.build import build_or_explain
from billing_aggregator.dag.feed import build_feed_or_explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

    from billing_aggregator.config import BrokenConfig
    from billing_aggregator.sql.read_once import ReadOnce


def dags_of(
    config: ClientConfig | BrokenConfig,
    dag_id: str | None = None,
    task_id: str | None = None,
    once: ReadOnce | None = None,
) -> Iterator[DAG]:
    """Yield the DAGs of *config*, without those that are disabled.

    :param dag_id: the only one that is wanted.
    :param task_id: the task that a worker is about to run.
    :param once: has read what other clients have of the same files.
    """
    if dag_id in (None, config.dag_id):
        night = build_or_explain(config, task_id, once)
        if night is not None:
            yield night
    if not isinstance(config, ClientConfig):
        return
    for name in config.feeds:
        if dag_id in (None, config.feed_dag_id(name)):
            feed = build_feed_or_explain(config, name, task_id, once)
            if feed is not None:
                yield feed
