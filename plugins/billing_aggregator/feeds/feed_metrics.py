"""A feed's figures as metrics; :mod:`billing_aggregator.observe.metrics` lists and sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.observe import metrics

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.feeds.kafka.stream import Outcome


class FeedMetrics:
    """Tells the figures of one stream: counters by what has come since the last time.

    :param feed: the feed's name, a tag of each metric.
    """

    def __init__(self, config: ClientConfig, feed: str) -> None:
        self._config = config
        self._feed = feed
        self._told: dict[str, int] = {}

    def __call__(self, outcome: Outcome) -> None:
        """Send the figures; never fails."""
        counters = {
            "feed_events": outcome.taken.events,
            "feed_repeated": outcome.taken.repeated,
            "feed_rejected": outcome.taken.rejected,
            "feed_sent": outcome.sent.rows,
            "feed_lost": outcome.lost,
        }
        for name, count in counters.items():
            new = count - self._told.get(name, 0)
            self._told[name] = count
            if new:
                metrics.emit(self._config, name, new, feed=self._feed)
        gauges = {
            "feed_lag_messages": outcome.lag_messages,
            "feed_lag_seconds": outcome.lag_seconds,
            "feed_outbox_seconds": outcome.outbox_seconds,
        }
        for name, value in gauges.items():
            metrics.emit(self._config, name, value, feed=self._feed)
        for currency, amount in outcome.sent.amounts.items():
            metrics.emit(self._config, "feed_posted", float(amount), feed=self._feed, currency=currency)
