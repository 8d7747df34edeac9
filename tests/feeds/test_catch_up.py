"""The tasks between two streams of a continuous feed take what has come meanwhile, and fail for nothing of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from billing_aggregator.config import load_client
from billing_aggregator.dag.all_dags import dags_of
from billing_aggregator.feeds.kafka import topic
from billing_aggregator.operators.event_task import EventTaskOperator
from tests.feeds.test_intake import order

if TYPE_CHECKING:
    from tests.broker.server import Broker
    from tests.feeds.surroundings import Shop

TAKEN = "select count(*) from orders_vault.order_event"
SHORT_TASKS = ("start", "checks", "finish")


def context_of(run_id: str = "run", **params: Any) -> Any:
    ti = SimpleNamespace(xcom_pull=lambda **_: None, xcom_push=lambda **_: None)
    given = {"drain": False, "accept_gap": False} | params
    return {"params": given, "dag_run": SimpleNamespace(conf={}), "run_id": run_id, "ti": ti}


@pytest.fixture
def tasks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The tasks of the feed's DAG, on the shop's warehouse and broker."""
    server = conninfo_to_dict(shop.dsn)
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user"}
    for name, key in names.items():
        monkeypatch.setenv(f"BDA_DB_{name}", str(server[key]))
    monkeypatch.setenv("BDA_KAFKA_BOOTSTRAP_SERVERS", shop.servers)
    config = load_client("webshop", "local")
    (dag,) = dags_of(config, config.feed_dag_id("orders"))
    return dict(dag.task_dict)


@pytest.mark.parametrize("name", SHORT_TASKS)
def test_each_short_task_catches_up(tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    class CaughtUp(Exception):
        """It has begun."""

    def begun(_task: Any, _context: Any) -> None:
        raise CaughtUp

    monkeypatch.setattr(EventTaskOperator, "catch_up", begun)
    with pytest.raises(CaughtUp):
        tasks[name].work(context_of())


def test_what_has_come_is_taken_posted_and_sent(tasks: dict[str, Any], shop: Shop) -> None:
    shop.produce([(0, order(number)) for number in range(3)])
    task = tasks["checks"]
    task.acquire_lock(context_of())
    task.catch_up(context_of(drain=True))
    assert shop.rows(TAKEN) == [(0,)]
    task.catch_up(context_of())
    assert shop.rows("select count(published_at) from billing.outbox") == [(3,)]
    assert len(shop.published()) == 3


def test_a_run_without_the_lock_takes_nothing(tasks: dict[str, Any], shop: Shop) -> None:
    shop.produce([(0, order(1))])
    tasks["checks"].acquire_lock(context_of("another"))
    tasks["finish"].catch_up(context_of())
    assert shop.rows(TAKEN) == [(0,)]


def test_brokers_that_are_away_fail_no_short_task(
    tasks: dict[str, Any], shop: Shop, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "ANSWER_SECONDS", 1)
    tasks["checks"].acquire_lock(context_of())
    broker.refuse(refusing=True)
    tasks["checks"].catch_up(context_of())
    assert shop.rows(TAKEN) == [(0,)]
