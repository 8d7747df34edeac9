"""Health of the feeds: whether brokers and platforms answer, and brokers have the topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.cli.results import Finding, failed, ok
from billing_aggregator.config import ConfigError
from billing_aggregator.config.airflow_connections import UnreadableConnectionError
from billing_aggregator.errors.kinds import TerminalError, TransientError
from billing_aggregator.feeds.kafka.connection import SERVERS, kafka_settings
from billing_aggregator.feeds.kafka.errors import Refusals, broker_errors, list_topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.feeds import MetersFeed

ANSWER_SECONDS = 10


def feed_findings(config: ClientConfig) -> Iterator[Finding]:
    """Yield a finding for each topic of the client's feeds; nothing is written."""
    for name, feed in config.feeds.items():
        if not feed.enabled:
            continue
        if feed.kind != "kafka":
            yield _platform(config, name, feed)
            continue
        try:
            settings = kafka_settings(config, feed)
            found = _topics(settings)
        except (ConfigError, UnreadableConnectionError, TransientError, TerminalError) as error:
            yield failed(f"feed {name}", str(error))
            continue
        for topic in (feed.topic, feed.events_topic):
            partitions = found.get(topic)
            if partitions:
                yield ok(f"feed {name}", f"{topic} at {settings[SERVERS]}: {partitions} partitions")
            else:
                yield failed(f"feed {name}", f"{topic} at {settings[SERVERS]}: there is no such topic; create it")


def _platform(config: ClientConfig, name: str, feed: MetersFeed) -> Finding:
    """Return whether the platform gives a token and answers."""
    from billing_aggregator.feeds.meters.connection import platform_hook
    from billing_aggregator.feeds.meters.platform import Platform

    try:
        hook = platform_hook(config, feed)
        next(Platform(hook).pages("v3/organizations", {"per_page": "1"}))
    except (ConfigError, UnreadableConnectionError, TransientError, TerminalError) as error:
        return failed(f"feed {name}", str(error))
    return ok(f"feed {name}", f"{hook.base_url}: answers, and its token is accepted")


def _topics(settings: dict[str, object]) -> dict[str, int]:
    """Return topic -> number of partitions, as far as the role may see them."""
    from confluent_kafka import Consumer

    refusals = Refusals()
    with broker_errors("Kafka"):
        consumer = Consumer({**settings, "group.id": "health", "log_level": 0, "error_cb": refusals})
    try:
        found = list_topics(consumer, refusals, ANSWER_SECONDS)
    finally:
        consumer.close()
    return {name: len(topic.partitions) for name, topic in found.items()}
