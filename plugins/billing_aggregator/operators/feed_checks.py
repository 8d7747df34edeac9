"""The checks of a feed's run: what warns while events come, without waiting for the night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.operators.event_task import EventTaskOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class FeedChecksOperator(EventTaskOperator, SqlChecksOperator):
    """Run the checks below ``feed_checks/<feed>/``, as the nightly run's are run."""

    def work(self, context: Context) -> None:
        """Catch up, then run the checks."""
        self.catch_up(context)
        super().work(context)
