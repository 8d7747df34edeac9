"""The checks of a feed's run: what warns while events come, without waiting for the night."""

from __future__ import annotations

from billing_aggregator.operators.feed_task import FeedTaskOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator


class FeedChecksOperator(FeedTaskOperator, SqlChecksOperator):
    """Run the checks below ``feed_checks/<feed>/``, as the nightly run's are run."""
