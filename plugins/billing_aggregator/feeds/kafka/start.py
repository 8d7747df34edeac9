"""Puts a Kafka feed together from configuration, a session of the warehouse and the brokers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from billing_aggregator.config.feeds import as_kafka
from billing_aggregator.config.load import sql_root
from billing_aggregator.feeds.feed_lock import FeedLock
from billing_aggregator.feeds.kafka.connection import kafka_settings
from billing_aggregator.feeds.kafka.intake import Intake, minor_units
from billing_aggregator.feeds.kafka.posting import Posting
from billing_aggregator.feeds.kafka.relay import Relay
from billing_aggregator.feeds.kafka.stream import Limits, Stream
from billing_aggregator.feeds.kafka.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.feeds.kafka.stream import Outcome
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs import Run


def group_of(config: ClientConfig, feed: str) -> str:
    """Return the consumer group, and the transactional id, of a feed: stable, so that a new run fences an old one."""
    return f"billing-{feed}-{config.client}-{config.environment}"


def posting_settings(config: ClientConfig) -> dict[str, str]:
    """Return what the posting scripts read as ``bda.<name>``, beside what every script of a run has."""
    orders = config.orders
    return {
        "tax_region": orders.tax_region,
        "tax_class": orders.tax_class,
        "base_currency": orders.base_currency,
        "time_zone": config.timezone,
    }


def limits_of(config: ClientConfig, feed: str, *, drain: bool, seconds: float | None = None) -> Limits:
    """Return when a run of the feed ends: one that drains may take as long as a nightly run.

    :param seconds: it ends when they are over instead.
    """
    own = as_kafka(config.feeds[feed])
    minutes = config.run_timeout_minutes if drain else own.run_minutes
    return Limits(own.batch_size, own.collect_milliseconds / 1000, seconds or minutes * 60.0, drain)


@contextmanager
def open_stream(
    config: ClientConfig,
    feed: str,
    *,
    connection: Connection,
    run: Run,
    settings: Mapping[str, str],
    drain: bool,
    seconds: float | None = None,
    stop: Callable[[], bool],
    tell: Callable[[Outcome], None],
) -> Iterator[Stream]:
    """Yield the stream of *feed*, ready to run; its clients of the brokers end with the block.

    :param connection: a session that holds nothing open; the caller closes it.
    :param run: holds the feed's lock.
    :param settings: what every script of the run reads as ``bda.<name>``.
    :param seconds: it ends behind the batch in which they are over; None: as :func:`limits_of` has it.
    :raises ConfigError: there is no Kafka to talk to.
    """
    own = as_kafka(config.feeds[feed])
    brokers = kafka_settings(config, own)
    group = group_of(config, feed)
    lock = FeedLock(run)
    posting = Posting(sql_root(config), feed, config.client)
    topic = Topic(brokers, own.topic, group)
    relay = Relay(
        brokers,
        own.events_topic,
        transactional_id=group,
        source=f"{config.client}/{config.environment}",
        commit=lock.commit,
    )
    try:
        yield Stream(
            connection=connection,
            lock=lock,
            topic=topic,
            intake=Intake(own.topic, minor_units(connection)),
            posting=posting,
            relay=relay,
            settings={**settings, **posting_settings(config)},
            limits=limits_of(config, feed, drain=drain, seconds=seconds),
            stop=stop,
            tell=tell,
        )
    finally:
        relay.close()
        topic.close()
