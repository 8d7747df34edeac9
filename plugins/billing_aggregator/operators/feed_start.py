"""The first task of a feed's run: takes the feed's lock, brings the schema up to date."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk.exceptions import AirflowSkipException

from billing_aggregator.config.load import sql_root
from billing_aggregator.migrations import apply_migrations, find_migrations
from billing_aggregator.operators.event_task import EventTaskOperator
from billing_aggregator.operators.task_errors import task_errors
from billing_aggregator.runs import LockHeldError, run_records
from billing_aggregator.runs.airflow_names import DEPLOYMENT_KEY
from billing_aggregator.runs.preflight import check_warehouse

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = structlog.get_logger(__name__)

#: A feed that another Airflow runs is asked for again so often; each answer costs a session.
ASK_SECONDS = 15


class FeedStartOperator(EventTaskOperator):
    """Lock the feed for this run; wait as long as a run may take where another Airflow has it, then skip the run.

    Returns the run's params.
    """

    def pre_execute(self, context: Context) -> None:
        """Reach the warehouse once; wrong credentials or names fail at once, an outage is retried."""
        super().pre_execute(context)
        with task_errors():
            check_warehouse(self.client_config)

    def acquire_lock(self, context: Context) -> bool:
        """Take the feed's lock.

        :raises AirflowSkipException: another run has kept it for ``run_minutes``.
        """
        until = time.monotonic() + self.feed_config.run_minutes * 60
        while True:
            try:
                return super().acquire_lock(context)
            except LockHeldError as held:
                if self.killed or time.monotonic() >= until:
                    raise AirflowSkipException(str(held)) from held
                log.info("waiting for the feed", holder=str(held))
                time.sleep(ASK_SECONDS)

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's resolved params."""
        run = self.this_run(context)
        params = self.feed_params(context)
        context["ti"].xcom_push(key=DEPLOYMENT_KEY, value=run.deployment)
        with self.warehouse(context) as connection:
            run_records.ensure_tables(connection)
            migrations = find_migrations(sql_root(self.client_config), {self.feed, *self.client_config.systems})
            for applied in apply_migrations(connection, migrations):
                log.info("migration applied", file=applied.script, seconds=round(applied.seconds, 3))
        feed = self.feed_config
        resolved: dict[str, Any] = {"feed": self.feed}
        if feed.kind == "kafka":
            resolved |= {"topic": feed.topic, "events_topic": feed.events_topic, "drain": params.drain}
        else:
            resolved |= {"meters": list(feed.meters)}
        log.info("feed starts", **resolved, session_tag=run.tag, deployment=run.deployment)
        self.catch_up(context)
        return resolved
