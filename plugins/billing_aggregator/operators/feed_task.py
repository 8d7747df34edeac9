"""What every task of a feed's run shares: the feed's own lock, params and alerts."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowException

from billing_aggregator.alerts.feed_alerts import on_feed_task_failure
from billing_aggregator.errors.kinds import classify
from billing_aggregator.feeds.feed_lock import feed_run
from billing_aggregator.feeds.params import is_continuous, resolve_feed_params
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.runs import RunParams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config.feeds import Feed
    from billing_aggregator.feeds.params import FeedParams
    from billing_aggregator.runs import Run

PAUSE_STEP_SECONDS = 0.5


class FeedTaskOperator(RunAwareOperator):
    """Base of a feed's tasks.

    A run of a continuous feed follows the one before it at once, so a task that fails for good pauses first: a feed
    that cannot work tries again once in ``retry_delay_seconds`` and not as fast as Airflow can.

    :param feed: the feed's name in the client's entry.
    """

    def __init__(self, *, feed: str, **kwargs: Any) -> None:
        kwargs.setdefault("on_failure_callback", on_feed_task_failure)
        super().__init__(**kwargs)
        self.feed = feed

    @property
    def feed_config(self) -> Feed:
        """The feed's entry."""
        return self.client_config.feeds[self.feed]

    @contextmanager
    def around_work(self, context: Context) -> Iterator[None]:
        """Pause before a failure that no retry follows."""
        with super().around_work(context), self._pausing():
            yield

    @contextmanager
    def _pausing(self) -> Iterator[None]:
        try:
            yield
        except AirflowException:
            raise
        except Exception as error:
            if is_continuous(self.feed_config) and classify(error) == "terminal":
                until = time.monotonic() + self.client_config.retry_delay_seconds
                while not self.killed and time.monotonic() < until:
                    time.sleep(PAUSE_STEP_SECONDS)
            raise

    def feed_params(self, context: Context) -> FeedParams:
        """Return the run's own params; raises RunParamError, which is terminal."""
        return resolve_feed_params(self.feed_config, context)

    def run_params(self, context: Context) -> RunParams:
        """Return what a nightly run's tasks ask for: every system, today's business date."""
        self.feed_params(context)
        today = datetime.now(UTC).astimezone(ZoneInfo(self.client_config.timezone)).date()
        config = self.client_config
        return RunParams(today, config.systems, config.max_rows_per_file, dry_run=False)

    def this_run(self, context: Context) -> Run:
        """Return which run this is; its lock is the feed's."""
        night = super().this_run(context)
        return feed_run(self.client_config, self.feed, night.deployment, night.run_id)
