"""What the events' topic already holds of the outbox: asked before anything is sent, after whatever has happened.

A relay that dies between the topic's commit and the database's leaves rows in the topic that the outbox calls unsent.
The topic is read from its end backwards, in windows that double, until a window begins with a row that was sent.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from billing_aggregator.feeds.kafka.errors import BrokerError, broker_errors, kafka_error
from billing_aggregator.feeds.kafka.topic import ANSWER_SECONDS, LOGGER, READER, READER_DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTBOX_ID = "outbox_id"
FIRST_WINDOW = 1_000
#: How long the broker and we wait for messages that do not come, for each partition: rows to be sent wait as long.
WAIT_SECONDS = 0.05
READ_BACK = {"fetch.wait.max.ms": round(1_000 * WAIT_SECONDS)}


def ids_in_topic(settings: Mapping[str, Any], topic: str, group: str, first: int) -> set[int]:
    """Return the outbox ids from *first* on that read-committed readers of *topic* find.

    Memory grows with these ids alone: at most those of one batch, whatever the topic holds.

    :raises BrokerError: the topic cannot be read to its end.
    """
    from confluent_kafka import Consumer, TopicPartition

    found: set[int] = set()
    with broker_errors("Kafka consumer"):
        own = {**READER_DEFAULTS, **settings, **READER, **READ_BACK, "group.id": group}
        consumer = Consumer(own, logger=LOGGER)
    try:
        with broker_errors(f"topic {topic}"):
            metadata = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
            if metadata.error is not None:
                if metadata.error.name() == "UNKNOWN_TOPIC_OR_PART":
                    return found  # it is made by the first message
                raise kafka_error(metadata.error, f"topic {topic}")
            for partition in sorted(metadata.partitions):
                low, high = consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=ANSWER_SECONDS, cached=False
                )
                found |= _partition_ids(consumer, TopicPartition(topic, partition), (low, high), first)
    finally:
        consumer.close()
    return found


def _partition_ids(consumer: Any, place: Any, watermarks: tuple[int, int], first: int) -> set[int]:
    low, high = watermarks
    found: set[int] = set()
    end, window = high, FIRST_WINDOW
    while end > low:
        begin = max(low, end - window)
        ids = _window(consumer, place, begin, end)
        found |= {each for each in ids if each >= first}
        if ids and ids[0] < first:
            break
        end, window = begin, window * 2
    return found


def _window(consumer: Any, place: Any, begin: int, end: int) -> list[int]:
    """Return the outbox ids of the messages from *begin* up to *end*, in their order."""
    from confluent_kafka import TopicPartition

    ids: list[int] = []
    consumer.assign([TopicPartition(place.topic, place.partition, begin)])
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        for message in consumer.consume(500, WAIT_SECONDS):
            until = time.monotonic() + ANSWER_SECONDS
            error = message.error()
            if error is not None and error.name() != "_PARTITION_EOF":
                raise kafka_error(error, f"topic {place.topic}, partition {place.partition}")
            if error is not None or message.offset() >= end:
                return ids
            ids += _outbox_id(message)
            if message.offset() == end - 1:
                return ids
        if time.monotonic() > until:
            raise BrokerError(f"topic {place.topic}, partition {place.partition} cannot be read to its end")


def _outbox_id(message: Any) -> list[int]:
    """Return the id in a message's header as a list; empty for what another sender has written."""
    for name, value in message.headers() or ():
        if name == OUTBOX_ID and isinstance(value, bytes) and value.isdigit():
            return [int(value)]
    return []
