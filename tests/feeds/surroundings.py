"""What a feed needs in tests: a warehouse with the orders' schema, a broker, the parts of a stream."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.feeds.feed_lock import FeedLock
from billing_aggregator.feeds.kafka.intake import Intake, minor_units
from billing_aggregator.feeds.kafka.posting import Posting
from billing_aggregator.feeds.kafka.relay import Relay
from billing_aggregator.feeds.kafka.stream import Limits, Stream
from billing_aggregator.feeds.kafka.topic import Topic
from billing_aggregator.runs import Run, lock
from tests.conftest import SQL_ROOT
from tests.orders.warehouse import migrate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.postgres.protocols import Connection

TOPIC, EVENTS = "orders", "billing.events"
SETTINGS = {
    "client": "webshop",
    "environment": "local",
    "timezone": "Europe/Berlin",
    "time_zone": "Europe/Berlin",
    "tax_region": "DE",
    "tax_class": "standard",
    "base_currency": "EUR",
}


def make_schema(connection: psycopg.Connection[Any]) -> None:
    """Make the tables of the ledger and the orders, and the rates of the tests."""
    migrate(connection)
    connection.execute(
        "insert into billing.tax_rate (tax_region, tax_class, rate, valid_from) "
        "values ('DE', 'standard', 0.19, '2020-01-01'), ('DE', 'reduced', 0.07, '2020-01-01')"
    )
    connection.execute(
        "insert into billing.fx_rate values ('USD', 'EUR', '2026-01-01', 0.9), ('JPY', 'EUR', '2026-01-01', 0.006)"
    )
    connection.commit()


@dataclass
class Shop:
    """One client's feed: its warehouse and its broker.

    :param dsn: of the aggregator's role.
    :param servers: the broker's address.
    """

    dsn: str
    servers: str
    driver: str = "psycopg"
    batch: int = 1_000
    collect: float = 0.05
    events: str = EVENTS
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))

    @property
    def brokers(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.servers, "log_level": 0, "fetch.wait.max.ms": 50}

    def connect(self) -> Connection:
        """Return a session by the shop's driver."""
        if self.driver == "psycopg2":
            import psycopg2

            return psycopg2.connect(self.dsn)
        return psycopg.connect(self.dsn)

    @contextmanager
    def stream(self, run_id: str = "run", *, seconds: float = 60, drain: bool = True) -> Iterator[Stream]:
        """Yield a stream whose run has the feed's lock."""
        run = Run("webshop", "local feed orders", "tests", "feed", run_id)
        with closing(self.connect()) as connection:
            lock.acquire(connection, run, 300)
            held = FeedLock(run)
            topic = Topic(self.brokers, TOPIC, "tests")
            relay = Relay(
                self.brokers, self.events, transactional_id="tests", source="webshop/local", commit=held.commit
            )
            try:
                yield Stream(
                    connection=connection,
                    lock=held,
                    topic=topic,
                    intake=Intake(TOPIC, minor_units(connection)),
                    posting=Posting(SQL_ROOT, "orders", "webshop"),
                    relay=relay,
                    settings=self.settings,
                    limits=Limits(self.batch, self.collect, seconds, drain),
                )
            finally:
                relay.close()
                topic.close()

    def drain(self, **params: bool) -> dict[str, Any]:
        """Run the feed until its topic is drained; return its figures."""
        with self.stream() as stream:
            return stream.run(**params).to_json()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def produce(self, messages: Iterable[tuple[int, bytes | None]], topic: str = TOPIC) -> None:
        """Send (partition, value) pairs."""
        from confluent_kafka import Producer

        brokers = {name: value for name, value in self.brokers.items() if not name.startswith("fetch")}
        producer = Producer({**brokers, "message.max.bytes": 20 << 20, "queue.buffering.max.messages": 1_000_000})
        for partition, value in messages:
            producer.produce(topic, value, partition=partition)
        assert producer.flush(60) == 0

    def published(self, topic: str | None = None) -> list[dict[str, Any]]:
        """Return what read-committed readers find in the events' topic, partition by partition."""
        return read_topic(self.brokers, topic or self.events)


def read_topic(brokers: dict[str, Any], topic: str) -> list[dict[str, Any]]:
    """Return every committed message of *topic*: partition, offset, key, headers, value."""
    from confluent_kafka import Consumer, TopicPartition

    own = {"group.id": "reader", "isolation.level": "read_committed", "enable.partition.eof": True}
    consumer = Consumer({**brokers, **own})
    found = []
    partitions = sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    ended: set[int] = set()
    while len(ended) < len(partitions):
        for message in consumer.consume(500, 1.0):
            error = message.error()
            if error is not None:
                assert error.name() == "_PARTITION_EOF", error
                ended.add(message.partition() or 0)
                continue
            headers: Any = message.headers() or ()
            key: Any = message.key() or b""
            found.append(
                {
                    "partition": message.partition(),
                    "offset": message.offset(),
                    "key": key.decode(),
                    "headers": {name: value.decode() for name, value in headers},
                    "value": message.value(),
                }
            )
    consumer.close()
    return sorted(found, key=lambda message: (message["partition"], message["offset"]))
