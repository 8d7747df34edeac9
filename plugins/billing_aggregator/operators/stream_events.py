"""The task that is the feed: takes in, posts and relays until its time is over."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.feeds.kafka.errors import FeedLockLostError, FencedError, OffsetsMovedError
from billing_aggregator.operators.event_task import EventTaskOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = structlog.get_logger(__name__)

#: A task that is told to stop ends behind its batch; a batch that takes longer is cancelled, and undone, before
#: Airflow kills the process (5 seconds behind the signal).
GRACE_SECONDS = 3.0


class StreamEventsOperator(EventTaskOperator):
    """Run the feed's loop; see :mod:`billing_aggregator.feeds.kafka.stream`.

    Returns what was done. Where another run has taken the feed over, it ends without a word to anybody: that run goes
    on from what is committed.
    """

    def work(self, context: Context) -> dict[str, Any]:
        """Return the figures of the stream."""
        params = self.feed_params(context)
        try:
            with self.stream(context, drain=params.drain) as stream:
                outcome = stream.run(accept_gap=params.accept_gap)
        except (FeedLockLostError, FencedError, OffsetsMovedError) as lost:
            log.warning("another run has taken the feed over", reason=str(lost))
            return {"ended": str(lost)}
        figures = outcome.to_json()
        log.info("feed ends", **figures)
        return figures

    def on_kill(self) -> None:
        """Let the loop end behind its batch; cancel the batch if that takes too long, or if the time-out is over."""
        self.killed = True
        timer = Timer(GRACE_SECONDS, self._cancel)
        timer.daemon = True
        timer.start()
