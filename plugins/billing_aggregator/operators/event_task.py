"""What the tasks of a feed of events share: its stream, also for a moment in the tasks between two streams."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from billing_aggregator.errors.text import first_line
from billing_aggregator.feeds.feed_metrics import FeedMetrics
from billing_aggregator.feeds.kafka.start import open_stream
from billing_aggregator.feeds.params import is_continuous
from billing_aggregator.operators.feed_task import FeedTaskOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.feeds.kafka.stream import Stream

log = structlog.get_logger(__name__)

#: A short task takes no longer for it; a backlog is left to the task ``stream``.
CATCH_UP_SECONDS = 3.0


class EventTaskOperator(FeedTaskOperator):
    """Base of the tasks that take events."""

    @contextmanager
    def stream(self, context: Context, *, drain: bool, seconds: float | None = None) -> Iterator[Stream]:
        """Yield the feed's stream on a session of its own, ready to run."""
        with (
            self.warehouse(context) as connection,
            open_stream(
                self.client_config,
                self.feed,
                connection=connection,
                run=self.this_run(context),
                settings=self.run_settings(context),
                drain=drain,
                seconds=seconds,
                stop=lambda: self.killed,
                tell=FeedMetrics(self.client_config, self.feed),
            ) as stream,
        ):
            yield stream

    def catch_up(self, context: Context) -> None:
        """Take, post and send what has come since the last task of a continuous feed ended.

        From one stream to the next Airflow starts four tasks, each some seconds behind the other: an event waits for
        one of these gaps, and not for their sum. What goes wrong here is told by the task ``stream``, which meets it.
        """
        if self.feed_config.kind != "kafka" or not is_continuous(self.feed_config) or self.feed_params(context).drain:
            return
        try:
            with self.stream(context, drain=True, seconds=CATCH_UP_SECONDS) as stream:
                outcome = stream.run()
        except Exception as error:
            if self.killed:
                raise
            log.info("not caught up", reason=first_line(error))
        else:
            log.info("caught up", **outcome.to_json())
