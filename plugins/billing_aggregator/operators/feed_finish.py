"""The last task of a feed's run: gives the lock back, tells who has to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from billing_aggregator.alerts.feed_alerts import alert_feed_end
from billing_aggregator.operators.event_task import EventTaskOperator
from billing_aggregator.runs import lock
from billing_aggregator.runs.airflow_names import CHECKS_KEY, CHECKS_TASK, STREAM_TASK
from billing_aggregator.runs.airflow_states import task_states

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = structlog.get_logger(__name__)


class FeedFinishOperator(EventTaskOperator):
    """End a feed's run: its lock and its alerts. Returns what a person should look at -> how many of it."""

    heartbeats = False

    def work(self, context: Context) -> dict[str, int]:
        """Return the warnings of the run."""
        self.catch_up(context)
        run = self.this_run(context)
        with self.warehouse(context) as connection:
            if not lock.release(connection, run):
                log.warning("the lock was not ours any more")
        warnings = self._warnings(context)
        failed = "failed" in task_states(run.dag_id, run.run_id).values()
        alert_feed_end(self.client_config, self.feed, context, warnings, failed=failed)
        log.info("run ends", warnings=warnings, failed=failed)
        return warnings

    def _warnings(self, context: Context) -> dict[str, int]:
        """Return the violated checks, and the backlog where it is over its limits."""
        outcome = context["ti"].xcom_pull(task_ids=STREAM_TASK) or {}
        checks = context["ti"].xcom_pull(task_ids=CHECKS_TASK, key=CHECKS_KEY) or []
        found = {str(check["title"]): int(check["violations"]) for check in checks if check["violations"]}
        feed = self.feed_config
        if feed.kind != "kafka":
            return found
        for name, limit, unit in (
            ("lag_messages", feed.lag_messages, "messages"),
            ("lag_seconds", feed.lag_seconds, "s"),
        ):
            if outcome.get(name, 0) > limit:
                found[f"backlog in {unit}, more than {limit:,}"] = int(outcome[name])
        if outcome.get("lost"):
            found["messages lost before they were taken, and accepted"] = int(outcome["lost"])
        return found
