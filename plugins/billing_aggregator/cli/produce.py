"""``produce-orders``: random orders for the topic of a client's feed, for trying it out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.results import DONE
from billing_aggregator.config import ConfigError
from billing_aggregator.config.feeds import ORDERS
from billing_aggregator.feeds.kafka.connection import SERVERS, kafka_settings
from billing_aggregator.local.kafka import produce
from billing_aggregator.local.random_orders import random_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig


@dataclass(frozen=True)
class Produced:
    """How many messages were sent, and where."""

    messages: int
    orders: int
    seed: int
    topic: str
    servers: str

    @property
    def status(self) -> int:
        """0: everything was taken."""
        return DONE

    def text(self) -> str:
        """Return one line."""
        return f"{self.messages} messages of {self.orders} orders (seed {self.seed}) to {self.topic} at {self.servers}"

    def data(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {"ok": True, "messages": self.messages, "orders": self.orders, "seed": self.seed, "topic": self.topic}


def produce_orders(config: ClientConfig, orders: int, seed: int | None, per_second: float | None) -> Produced:
    """Send the events of *orders* random orders to the topic of the client's feed ``orders``.

    :param seed: the same seed gives the same events, which a feed takes once; None: another one each time.
    :param per_second: messages in a second; None: as fast as can be.
    :raises ConfigError: the client has no such feed, or there is no Kafka.
    """
    feed = config.feeds.get(ORDERS)
    if feed is None or feed.kind != "kafka":
        raise ConfigError(f"{config.client}/{config.environment} has no feed {ORDERS}; see feeds in clients.yaml")
    if orders < 1 or (per_second is not None and per_second <= 0):
        raise ConfigError("--orders and --per-second must be greater than 0")
    settings = kafka_settings(config, feed)
    chosen = int(time.time()) if seed is None else seed
    sent = produce(settings, feed.topic, _paced(random_orders(orders, chosen), per_second))
    return Produced(sent, orders, chosen, feed.topic, str(settings[SERVERS]))


def _paced(messages: Iterator[tuple[str, bytes]], per_second: float | None) -> Iterator[tuple[str, bytes]]:
    began = time.monotonic()
    for number, message in enumerate(messages):
        if per_second is not None:
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        yield message
