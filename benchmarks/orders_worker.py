"""A feed's stream in a process of its own: prints its figures as JSON; see benchmarks.bench_orders."""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from functools import wraps
from typing import Any

import structlog

from billing_aggregator.config.feeds import KafkaFeed
from billing_aggregator.feeds.kafka.intake import Intake
from billing_aggregator.feeds.kafka.posting import Posting
from billing_aggregator.feeds.kafka.relay import Relay
from billing_aggregator.feeds.kafka.topic import Topic
from tests.feeds.surroundings import Shop

SECONDS: dict[str, float] = {}


def timed(owner: Any, method: str, name: str) -> None:
    """Add up the seconds of a method."""
    function = getattr(owner, method)

    @wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            SECONDS[name] = SECONDS.get(name, 0.0) + time.monotonic() - began

    setattr(owner, method, measured)


class Feed(Shop):
    """A feed with the package's own settings: the tests' ask more often."""

    @property
    def brokers(self) -> dict[str, Any]:
        """The broker's address, and nothing else."""
        return {"bootstrap.servers": self.servers, "log_level": 0}


def main(dsn: str, servers: str, batch: int, seconds: float) -> None:
    """Drain the topic, or read it for *seconds* where they are not 0."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for owner, method, name in (
        (Topic, "take", "take"),
        (Intake, "write", "intake"),
        (Posting, "post", "post"),
        (Relay, "send", "relay"),
    ):
        timed(owner, method, name)
    shop = Feed(dsn, servers, batch=batch, collect=KafkaFeed(kind="kafka").collect_milliseconds / 1000)
    began = time.monotonic()
    with shop.stream(seconds=seconds or 3_600, drain=not seconds) as stream:
        outcome = stream.run()
    figures = {
        "seconds": time.monotonic() - began,
        "parts": {name: round(value, 2) for name, value in SECONDS.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "outcome": outcome.to_json(),
        "cpu_seconds": time.process_time(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
