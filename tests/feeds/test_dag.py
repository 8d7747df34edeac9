"""The DAG of a feed: its graph, its schedule, what a wrong entry becomes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk._shared.module_loading import import_string

from billing_aggregator.config import load_client
from billing_aggregator.dag.all_dags import dags_of
from billing_aggregator.dag.feed import schedule_of
from billing_aggregator.local.kafka import LocalKafka, produce

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from billing_aggregator.config import ClientConfig

FEED = "billing_feed_orders_webshop_local"


def client(**changes: Any) -> ClientConfig:
    config = load_client("webshop", "local", environ={})
    return config.model_copy(update={"feeds": {"orders": config.feeds["orders"].model_copy(update=changes)}})


def feed_dag(config: ClientConfig) -> DAG:
    (found,) = dags_of(config, FEED)
    return found


def test_the_graph() -> None:
    dag = feed_dag(client())
    assert {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks} == {
        "start": ["finish", "stream"],
        "stream": ["checks", "finish"],
        "checks": ["finish"],
        "finish": [],
    }
    assert dag.task_dict["finish"].is_teardown
    assert dag.task_dict["finish"].trigger_rule == "all_done_setup_success"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.params.dump() == {"drain": False, "accept_gap": False}


@pytest.mark.parametrize(
    ("changes", "timetable", "drain"),
    [
        ({}, "ContinuousTimetable", False),
        ({"schedule": "*/5 * * * *"}, "CronTriggerTimetable", True),
        ({"schedule": None}, "NullTimetable", True),
        ({"watch": True}, "AssetTriggeredTimetable", True),
    ],
)
def test_the_schedule_says_whether_a_run_drains(changes: dict[str, Any], timetable: str, drain: bool) -> None:
    dag = feed_dag(client(**changes))
    assert type(dag.timetable).__name__ == timetable
    assert dag.params["drain"] is drain


def test_every_dag_can_be_serialised() -> None:
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import DagSerialization

    for changes in ({}, {"watch": True}, {"schedule": "0 * * * *"}):
        found = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(feed_dag(client(**changes))))
        assert isinstance(found, SerializedDAG)
        assert sorted(found.task_ids) == ["checks", "finish", "start", "stream"]


def test_only_the_feed_is_built_where_only_it_is_wanted() -> None:
    assert [dag.dag_id for dag in dags_of(client())] == ["billing_data_aggregator_webshop_local", FEED]
    assert [dag.dag_id for dag in dags_of(client(enabled=False))] == ["billing_data_aggregator_webshop_local"]


def test_a_feed_without_scripts_shows_what_is_wrong() -> None:
    config = client()
    other = config.model_copy(update={"feeds": {"nothing": config.feeds["orders"]}})
    (dag,) = dags_of(other, "billing_feed_nothing_webshop_local")
    assert list(dag.task_dict) == ["configuration_error"]
    assert "feeds/nothing: the feed nothing has no scripts here" in str(dag.doc_md)


def test_a_message_starts_a_watched_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trigger that the triggerer runs, on librdkafka's mock cluster: it has consumer groups."""
    config = client(watch=True)
    (asset,) = schedule_of(config, "orders", config.feeds["orders"])
    path, own = asset.watchers[0].trigger.serialize()
    with LocalKafka() as broker:
        extra = {"bootstrap.servers": broker.servers, "group.id": "watch", "auto.offset.reset": "earliest"}
        monkeypatch.setenv("AIRFLOW_CONN_KAFKA_WEBSHOP_LOCAL", json.dumps({"conn_type": "kafka", "extra": extra}))
        produce({"bootstrap.servers": broker.servers}, "orders", [("A-1", b"no event at all")])
        trigger = import_string(path)(**own)

        async def first() -> Any:
            async for event in trigger.run():
                return event.payload
            return None

        assert re.fullmatch(r"orders \d 0", asyncio.run(asyncio.wait_for(first(), 60)))
