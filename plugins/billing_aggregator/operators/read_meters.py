"""The task that takes the hour's reading with a feed's meters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.config.feeds import as_meters
from billing_aggregator.errors.kinds import classify
from billing_aggregator.feeds.feed_lock import FeedLock
from billing_aggregator.feeds.meters.reading import take_one_app, take_reading
from billing_aggregator.operators.feed_task import FeedTaskOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.feeds.meters.reading import Reading

log = structlog.get_logger(__name__)


class ReadMetersOperator(FeedTaskOperator):
    """Take the hour's reading; see :mod:`billing_aggregator.feeds.meters.reading`. Returns its figures.

    A meter that fails leaves the others' usage in place. A transient failure is tried again while the task has tries;
    then the run goes on to its checks, which warn. It fails where no meter could be read.
    """

    def work(self, context: Context) -> dict[str, Any]:
        """Return what was measured and what failed."""
        from billing_aggregator.feeds.meters.connection import platform_hook  # noqa: PLC0415 - loads Airflow's HTTP hook
        from billing_aggregator.feeds.meters.platform import Platform  # noqa: PLC0415 - loads requests

        feed = as_meters(self.feed_config)
        lock = FeedLock(self.this_run(context))
        app_id = self.feed_params(context).app_id

        def platform() -> Platform:
            return Platform(platform_hook(self.client_config, feed), stopped=lambda: self.killed)

        with self.warehouse(context) as connection:
            if app_id:
                reading = take_one_app(connection, platform, app_id, datetime.now(UTC), commit=lock.commit)
            else:
                reading = take_reading(
                    connection,
                    platform,
                    feed.meters,
                    datetime.now(UTC),
                    periodic=str(context["dag_run"].run_type).rpartition(".")[2].lower() == "scheduled",
                    commit=lock.commit,
                )
        log.info("reading taken", **reading.to_json())
        self._judge(context, reading)
        return reading.to_json()

    def _judge(self, context: Context, reading: Reading) -> None:
        if reading.error is None:
            return
        task = context["ti"]
        tries_left = task.try_number <= (task.max_tries or 0)
        nothing = len(reading.failed) == len(as_meters(self.feed_config).meters)
        if nothing or (tries_left and classify(reading.error) == "transient"):
            raise reading.error
