"""Reads a topic from where the database says, all partitions, without a group's assignment.

The group gets the offsets afterwards, for the eyes of Kafka's own tools; nobody reads them back.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from billing_aggregator.feeds.kafka.errors import (
    OUTAGE_SECONDS,
    BrokerError,
    GapError,
    Refusals,
    broker_errors,
    kafka_error,
    list_topics,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)
#: librdkafka's own lines.
LOGGER = logging.getLogger(__name__)

ANSWER_SECONDS = 20
SLICE = 1_000
#: Bytes of one batch: messages that were refused for their length are kept as well.
BATCH_BYTES = 8 << 20
READER = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
}
#: What a connection may set otherwise.
READER_DEFAULTS = {
    # One request waits so long at the broker for a first byte: what an idle feed does.
    "fetch.wait.max.ms": 500,
    # Bytes that wait in this process: 16 MB, whatever the backlog.
    "queued.max.messages.kbytes": 16_384,
    "fetch.message.max.bytes": 1 << 20,
    # Requests of an idle feed to keep metadata fresh.
    "topic.metadata.refresh.interval.ms": 60_000,
}


class Message(NamedTuple):
    """A message and its place; *value* None is a tombstone, *timestamp* in seconds since the epoch."""

    partition: int
    offset: int
    value: bytes | None
    timestamp: float


class Topic:
    """A reader of every partition of one topic.

    :param settings: see :func:`~billing_aggregator.feeds.kafka.connection.kafka_settings`.
    :param name: the topic's name.
    :param group: the consumer group that shows how far the feed is.
    """

    def __init__(self, settings: Mapping[str, Any], name: str, group: str) -> None:
        from confluent_kafka import Consumer

        self.name = name
        self._refusals = Refusals()
        with broker_errors("Kafka consumer"):
            own = {**READER_DEFAULTS, **settings, **READER, "group.id": group, "error_cb": self._failed}
            self._consumer = Consumer(own, logger=LOGGER)
        self._down_since: float | None = None
        #: Partition -> the offset from which the database goes on, None where it was never read.
        self._held: dict[int, int | None] = {}
        #: Partition -> the first offset that was not read yet.
        self._next: dict[int, int] = {}
        self._ended: set[int] = set()

    def close(self) -> None:
        """End the consumer."""
        self._consumer.close()

    def begin(self, held: Mapping[int, int], *, accept_gap: bool = False) -> int:
        """Read on from *held*; return how many messages are lost, which only *accept_gap* allows.

        :raises GapError: the topic's oldest message is newer than the next one to take, or the topic ends before it.
        """
        self._held, self._next, self._ended = {}, {}, set()
        return self._add(held, accept_gap=accept_gap)

    def look_for_partitions(self, held: Callable[[], Mapping[int, int]]) -> None:
        """Add the partitions that the topic got since; *held* asks the database where it is."""
        if len(self._partitions()) != len(self._next):
            self._add(held(), accept_gap=False)

    def take(self, most: int, wait: float, collect: float, *, drain: bool = False) -> list[Message]:
        """Return at most *most* messages: waits *wait* seconds for a first one, then *collect* seconds for more.

        :param drain: do not wait for a first one where the topic has no more.

        :raises BrokerError: a partition cannot be read, or no broker was there for a minute.
        :raises GapError: messages were deleted before they were read.
        """
        found: list[Message] = []
        size = 0
        until = time.monotonic() + wait
        while len(found) < most and size < BATCH_BYTES:
            left = max(0.0, until - time.monotonic())
            # It comes back when it has as many, or when the time is over: the first one is not to wait for others.
            count = min(SLICE, most - len(found)) if found else 1
            with broker_errors(f"topic {self.name}"):
                got = self._consumer.consume(count, left)
            for message in got:
                read = self._read(message)
                if read is not None:
                    if not found:
                        until = time.monotonic() + collect
                    found.append(read)
                    size += len(read.value or b"")
            if time.monotonic() >= until or ((found or drain) and self.drained):
                break
        self._check_outage()
        return found

    @property
    def drained(self) -> bool:
        """Whether every partition was read to its end."""
        return len(self._ended) == len(self._next)

    def moves(self) -> dict[int, tuple[int | None, int]]:
        """Return partition -> where the database is, where it has to be, for those that have moved."""
        return {
            partition: (self._held[partition], offset)
            for partition, offset in sorted(self._next.items())
            if offset != self._held[partition]
        }

    def written(self, moves: Mapping[int, tuple[int | None, int]]) -> None:
        """Note that the database has *moves*, and tell the group; that one may fail."""
        from confluent_kafka import KafkaException, TopicPartition

        self._held.update({partition: end for partition, (_, end) in moves.items()})
        try:
            offsets = [TopicPartition(self.name, partition, end) for partition, (_, end) in moves.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.debug("offsets not committed to the group", reason=str(error))

    def backlog(self) -> int:
        """Return how many messages are left to take, as the brokers' last answers say: it asks nothing."""
        from confluent_kafka import TopicPartition

        messages = 0
        for partition, offset in self._next.items():
            if partition not in self._ended:
                place = TopicPartition(self.name, partition)
                _, high = self._consumer.get_watermark_offsets(place, cached=True)
                messages += max(0, high - offset)
        return messages

    def _add(self, held: Mapping[int, int], *, accept_gap: bool) -> int:
        from confluent_kafka import TopicPartition

        lost: dict[int, int] = {}
        added = []
        for partition in self._partitions():
            if partition in self._next:
                continue
            with broker_errors(f"topic {self.name}"):
                low, high = self._consumer.get_watermark_offsets(
                    TopicPartition(self.name, partition), timeout=ANSWER_SECONDS, cached=False
                )
            start = held.get(partition, low)
            if start > high:
                raise GapError(
                    f"{self.name}: partition {partition} ends at offset {high}, and {start} is the next one to take: "
                    "the topic was deleted and made anew; give the feed a topic with another name"
                )
            if low > start:
                lost[partition] = low - start
                start = low
            self._held[partition], self._next[partition] = held.get(partition), start
            added.append(TopicPartition(self.name, partition, start))
        if lost and not accept_gap:
            raise GapError(gap_text(self.name, lost))
        if added:
            with broker_errors(f"topic {self.name}"):
                self._consumer.assign([*self._positions(added), *added])
        return sum(lost.values())

    def _positions(self, added: list[Any]) -> list[Any]:
        from confluent_kafka import TopicPartition

        new = {each.partition for each in added}
        return [TopicPartition(self.name, each, at) for each, at in self._next.items() if each not in new]

    def _partitions(self) -> list[int]:
        found = list_topics(self._consumer, self._refusals, ANSWER_SECONDS, self.name)[self.name]
        if found.error is not None:
            if found.error.name() == "UNKNOWN_TOPIC_OR_PART":
                raise BrokerError(f"there is no topic {self.name}; create it, or set topic of the feed")
            raise kafka_error(found.error, f"topic {self.name}")
        return sorted(found.partitions)

    def _read(self, message: Any) -> Message | None:
        """Return a message; None for the note that a partition has no more."""
        self._down_since = None
        error, partition = message.error(), message.partition()
        if error is None:
            self._ended.discard(partition)
            self._next[partition] = message.offset() + 1
            _, milliseconds = message.timestamp()
            # Old senders write none.
            at = milliseconds / 1000 if milliseconds > 0 else time.time()
            return Message(partition, message.offset(), message.value(), at)
        if error.name() == "_PARTITION_EOF":
            self._ended.add(partition)
            # Behind the last message there may be a transaction's end, which has an offset too.
            self._next[partition] = max(self._next[partition], message.offset())
            return None
        if error.name() in {"_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"}:
            raise GapError(f"{self.name}: partition {partition} was deleted before it was read: {error.str()}")
        raise kafka_error(error, f"topic {self.name}, partition {partition}")

    def _failed(self, error: Any) -> None:
        if error.name() == "_ALL_BROKERS_DOWN" and self._down_since is None:
            self._down_since = time.monotonic()
        self._refusals(error)
        log.info("Kafka", reason=error.str(), code=error.name())

    def _check_outage(self) -> None:
        if self._down_since is not None and time.monotonic() - self._down_since > OUTAGE_SECONDS:
            self._refusals.check()
            raise BrokerError(f"topic {self.name}: no broker has answered for {OUTAGE_SECONDS} seconds")


def gap_text(topic: str, lost: Mapping[int, int]) -> str:
    """Return how many messages are lost, where, and the way out."""
    places = ", ".join(f"{count} of partition {partition}" for partition, count in sorted(lost.items()))
    return (
        f"{topic}: {sum(lost.values())} messages were deleted before they were taken ({places}); ask the sender for "
        "them, then trigger a run with the param accept_gap"
    )
