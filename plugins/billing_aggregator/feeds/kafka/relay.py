"""Publishes the outbox: every row once, in the order of its id, for readers that read what is committed.

One Kafka transaction a batch, under a name that is the feed's for ever: a relay that begins fences the one before it,
and the brokers drop what that one had not committed. Then the topic is read back (see
:mod:`billing_aggregator.feeds.kafka.read_back`), and only behind that anything is sent.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.feeds.kafka import outbox
from billing_aggregator.feeds.kafka.errors import broker_errors
from billing_aggregator.feeds.kafka.read_back import OUTBOX_ID, ids_in_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from billing_aggregator.feeds.kafka.outbox import OutboxRow, Sent
    from billing_aggregator.postgres.protocols import Connection

log = structlog.get_logger(__name__)
#: librdkafka's own lines.
LOGGER = logging.getLogger(__name__)

TRANSACTION_SECONDS = 60
WRITER = {
    "enable.idempotence": True,
    "acks": "all",
    "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
}
#: What a connection may set otherwise; Java's partitioner sends a key where every other client would.
WRITER_DEFAULTS = {
    "linger.ms": 5,
    "compression.type": "lz4",
    "partitioner": "murmur2_random",
    # Bytes that wait in this process: 32 MB.
    "queue.buffering.max.kbytes": 32_768,
    "queue.buffering.max.messages": 100_000,
}


class Relay:
    """Sends what the outbox holds; one relay of a feed at a time.

    :param settings: see :func:`~billing_aggregator.feeds.kafka.connection.kafka_settings`.
    :param topic: the events' topic.
    :param transactional_id: the same for every relay of the feed.
    :param source: client and environment; part of each event's id.
    :param commit: commits the database's transaction, unless the feed's lock was lost.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        topic: str,
        *,
        transactional_id: str,
        source: str,
        commit: Callable[[Connection], None],
    ) -> None:
        self._settings = dict(settings)
        self._topic = topic
        self._transactional_id = transactional_id
        self._source = source
        self._commit = commit
        self._producer: Any = None

    def send(self, connection: Connection, most: int, stop: Callable[[], bool] = lambda: False) -> Sent:
        """Send everything in batches of *most* rows, until *stop*; return what is marked as sent.

        :raises FencedError: another relay has begun.
        :raises BrokerError: the brokers do not take it; nothing of the batch is visible, the next relay sends it.
        """
        sent = outbox.Sent()
        try:
            while not stop():
                rows = outbox.unpublished(connection, self._source, most)
                if not rows:
                    break
                if self._producer is None:
                    sent.add(self._begin(connection, rows[0].id))
                    continue
                self._transaction(rows)
                sent.add(outbox.mark(connection, [row.id for row in rows]))
                self._commit(connection)
                if len(rows) < most:
                    break
        except BaseException:
            # What the topic holds now is unknown: the next call begins anew and reads it back.
            self.close()
            raise
        return sent

    def close(self) -> None:
        """End the producer; a transaction that is open ends with it."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                producer.abort_transaction(5)

    def _begin(self, connection: Connection, first: int) -> Sent:
        """Fence the relay before this one, then mark what it had sent, and return that."""
        from confluent_kafka import Producer

        with broker_errors("Kafka producer"):
            own = {**WRITER_DEFAULTS, **self._settings, **WRITER, "transactional.id": self._transactional_id}
            producer = Producer(own, logger=LOGGER)
            producer.init_transactions(TRANSACTION_SECONDS)
        there = ids_in_topic(self._settings, self._topic, f"{self._transactional_id}-read-back", first)
        marked = outbox.mark(connection, there) if there else outbox.Sent()
        self._commit(connection)
        if marked.rows:
            log.warning("the topic held rows that were not marked as sent", rows=marked.rows, topic=self._topic)
        self._producer = producer
        return marked

    def _transaction(self, rows: Sequence[OutboxRow]) -> None:
        with broker_errors(f"topic {self._topic}"):
            self._producer.begin_transaction()
            for row in rows:
                self._produce(row)
            # Fails unless every message of the transaction was taken.
            self._producer.commit_transaction(TRANSACTION_SECONDS)

    def _produce(self, row: OutboxRow) -> None:
        headers = [(OUTBOX_ID, str(row.id)), ("event_type", row.event_type)]
        while True:
            try:
                self._producer.produce(self._topic, row.value, row.key, headers=headers)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return
