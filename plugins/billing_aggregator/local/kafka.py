"""A broker on this machine: librdkafka's mock cluster, which speaks Kafka's protocol to every process.

It keeps a few megabytes of each partition in memory, and shows messages of a transaction before its commit: enough to
try a feed out, not to keep anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWER_SECONDS = 10
SERVERS = "bootstrap.servers"


class LocalKafka:
    """A broker on a free port of 127.0.0.1, in threads of this process; topics are made by their first message."""

    def __init__(self) -> None:
        self._cluster: Any = None
        self.servers = ""

    def __enter__(self) -> Self:
        from confluent_kafka import Producer

        self._cluster = Producer({SERVERS: "none", "test.mock.num.brokers": 1, "log_level": 0})
        brokers = self._cluster.list_topics(timeout=ANSWER_SECONDS).brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster = None


def produce(settings: dict[str, Any], topic: str, messages: Iterable[tuple[str | None, bytes | None]]) -> int:
    """Send (key, value) pairs to *topic*; return how many the brokers have taken.

    :param settings: librdkafka's settings to reach the brokers.
    :raises RuntimeError: some were not taken within a minute.
    """
    from confluent_kafka import Producer

    producer = Producer({"enable.idempotence": True, "linger.ms": 20, **settings})
    count = 0
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
    left = producer.flush(60)
    if left:
        raise RuntimeError(f"{left} of {count} messages for {topic} were not taken within a minute")
    return count
