"""A feed's run in a process of its own that can be told where to die."""

from __future__ import annotations

import logging
import os
import signal
from functools import wraps
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.feeds.kafka import outbox, relay
from billing_aggregator.feeds.kafka.intake import Intake
from billing_aggregator.feeds.kafka.posting import Posting
from billing_aggregator.feeds.kafka.topic import Topic
from tests.feeds.surroundings import Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.postgres.protocols import Connection

#: Where a run can be killed, in the order of a batch.
POINTS = (
    "taken, before its commit",
    "taken, behind its commit",
    "posted, before its commit",
    "posted, behind its commit",
    "producer begun, topic read back",
    "produced, before the topic's commit",
    "produced, behind the topic's commit",
    "marked, before its commit",
    "marked, behind its commit",
)


def work(dsn: str, servers: str, own: dict[str, Any], point: str = "", at: int = 1) -> None:
    """Drain the topic once.

    :param own: further arguments of the shop.
    :param point: one of :data:`POINTS`; the process kills itself there, at the *at*-th time.
    """
    # Its own words would drown what failed.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if point:
        _arm(point, at)
    Shop(dsn, servers, **own).drain()


class Fuse:
    """Kills the process when it was lit *at* times."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class ArmedProducer:
    """A producer that dies beside the commit of its transaction."""

    def __init__(self, producer: Any, before: Callable[[], None], behind: Callable[[], None]) -> None:
        self._producer, self._before, self._behind = producer, before, behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def commit_transaction(self, *timeout: float) -> None:
        self._producer.flush(30)
        self._before()
        self._producer.commit_transaction(*timeout)
        self._behind()


def _arm(point: str, at: int) -> None:
    fuse = Fuse(at)

    def nothing() -> None:
        return None

    def behind(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        @wraps(function)
        def armed(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            fuse()
            return result

        setattr(owner, name, armed)

    def before(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        @wraps(function)
        def armed(*args: Any, **kwargs: Any) -> Any:
            fuse()
            return function(*args, **kwargs)

        setattr(owner, name, armed)

    if point.startswith("produced"):
        begin = relay.Relay._begin
        pair = (fuse, nothing) if "before" in point else (nothing, fuse)

        def begun(self: relay.Relay, connection: Connection, first: int) -> outbox.Sent:
            sent = begin(self, connection, first)
            self._producer = ArmedProducer(self._producer, *pair)
            return sent

        relay.Relay._begin = begun  # type: ignore[method-assign]  # this process is for one run
        return
    places: dict[str, tuple[Callable[[Any, str], None], Any, str]] = {
        POINTS[0]: (behind, Intake, "write"),
        POINTS[1]: (before, Topic, "written"),
        POINTS[2]: (behind, Posting, "post"),
        POINTS[3]: (before, relay.Relay, "send"),
        POINTS[4]: (behind, relay, "ids_in_topic"),
        POINTS[7]: (behind, outbox, "mark"),
        POINTS[8]: (behind, relay.Relay, "send"),
    }
    place, owner, name = places[point]
    place(owner, name)
