"""How long an order takes to its row in the events' topic, of a stream alone and under a real scheduler."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

from billing_aggregator.local.random_orders import random_orders
from billing_aggregator.local.s3 import LocalS3
from billing_aggregator.local.warehouse import ROLE
from tests.feeds.surroundings import EVENTS, TOPIC, make_schema
from tests.stack import project
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import Stack
from tests.survival.soak_stack import FEED, SHOP, orders_scripts
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from billing_aggregator.local.postgres import EmbeddedPostgres


class Listener:
    """Sends orders at a steady rate, and notes when each one's row is in the events' topic.

    :param servers: the broker's address.
    """

    def __init__(self, servers: str) -> None:
        self._brokers = {"bootstrap.servers": servers}
        #: Order -> when it was sent; order -> how long it took.
        self.sent: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def produce(self, per_second: int, seconds: float) -> None:
        """Send events of orders, *per_second* of them, and return when all orders have come back."""
        from confluent_kafka import Producer

        producer = Producer(self._brokers)
        producer.list_topics(TOPIC, timeout=10)
        began = time.monotonic()
        events = islice(random_orders(10**9, 2, wrong=False), round(per_second * seconds))
        for number, (order, value) in enumerate(events):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            self.sent.setdefault(order, time.monotonic())
            producer.produce(TOPIC, value, order)
            producer.poll(0)
        producer.flush(30)
        wait_for(lambda: len(self.took) == len(self.sent), lambda: f"all come back: {len(self.took)}", 300)

    def figures(self) -> dict[str, Any]:
        """Return the shares of all orders."""
        took = sorted(self.took.values())
        shares = {f"p{share}": round(took[min(len(took) - 1, len(took) * share // 100)], 2) for share in (50, 95, 99)}
        over = sum(each > 5 for each in took) / len(took)
        return {"orders": len(took), **shares, "longest": round(took[-1], 2), "over_5_s_percent": round(100 * over, 2)}

    def _listen(self) -> None:
        from confluent_kafka import Consumer, TopicPartition

        own = {"group.id": "latency", "isolation.level": "read_committed", "fetch.wait.max.ms": 50}
        consumer = Consumer({**self._brokers, **own})
        partitions = consumer.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions
        consumer.assign([TopicPartition(EVENTS, partition, 0) for partition in partitions])
        while not self._over.is_set():
            for message in consumer.consume(500, 0.1):
                value = json.loads(message.value() or b"{}")
                if value.get("type") == "invoice_created":
                    self.took[value["order_id"]] = time.monotonic() - self.sent[value["order_id"]]
        consumer.close()


def scheduled(
    server: EmbeddedPostgres,
    broker: Callable[[int], AbstractContextManager[str]],
    per_second: int,
    minutes: float,
    run_minutes: int,
) -> dict[str, Any]:
    """Return the same with a whole Airflow whose scheduler starts the feed, run by run of *run_minutes*."""
    client = {
        "systems": ["orders"],
        "orders": {"tax_region": "DE", "tax_class": "standard", "base_currency": "EUR"},
        "feeds": {"orders": {"kind": "kafka", "run_minutes": run_minutes}},
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bda-scheduled-")))
        (folder / "home").mkdir()
        s3, servers = stack.enter_context(LocalS3()), stack.enter_context(broker(0))
        sinks: list[Any] = [stack.enter_context(sink()) for sink in (MailSink, SlackSink, StatsdSink)]
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        variables = project.variables(server, s3, sinks[0], sinks[1], sinks[2], [SHOP])
        variables["BDA_KAFKA_BOOTSTRAP_SERVERS"] = servers
        with psycopg.connect(server.dsn(f"octopus_{SHOP}", ROLE)) as connection:
            make_schema(connection)
        written = project.write(folder, s3, clients={SHOP: client}, scripts=orders_scripts())
        listener = stack.enter_context(Listener(servers))
        airflow = stack.enter_context(Stack(written, folder / "home", server, variables))
        wait_for(lambda: streaming(airflow), "the feed streams")
        listener.produce(per_second, 60 * minutes)
        return {
            "events_per_second": per_second,
            "minutes": minutes,
            "run_minutes": run_minutes,
            "runs": airflow.run_states(FEED),
            **listener.figures(),
        }


def streaming(airflow: Stack) -> bool:
    """Return whether the first run's stream has begun."""
    runs = airflow.rest.try_once("GET", f"/api/v2/dags/{FEED}/dagRuns?limit=1")
    if not runs or not runs["dag_runs"]:
        return False
    tasks = airflow.tasks(FEED, runs["dag_runs"][0]["dag_run_id"])
    return str(tasks.get("stream", {}).get("state")) == "running"
