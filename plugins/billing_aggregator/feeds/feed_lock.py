"""The lock of a feed: a row beside the nightly run's, prolonged while the feed works, checked by every commit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from billing_aggregator.feeds.kafka.errors import FeedLockLostError
from billing_aggregator.runs import Run, lock

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres.protocols import Connection

#: A run that has died gives way after this time, at the latest; a live one prolongs its lock ten times as often.
LEASE_SECONDS = 300
PROLONG_SECONDS = 30
# A share lock on the row: whoever takes the feed over waits for this transaction's end.
OURS = """
select true from report_oibl.aggregator_claims
where (client, environment, deployment, dag_id, run_id)
    = (%(client)s, %(environment)s, %(deployment)s, %(dag_id)s, %(run_id)s)
for share
"""


def feed_run(config: ClientConfig, feed: str, deployment: str, run_id: str) -> Run:
    """Return the identity of a feed's run: its lock is not that of the nightly run."""
    return Run(config.client, f"{config.environment} feed {feed}", deployment, config.feed_dag_id(feed), run_id)


class FeedLock:
    """Holds the lock of a feed's run while it works.

    :param run: see :func:`feed_run`.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prolonged = time.monotonic()

    def prolong(self, connection: Connection) -> None:
        """Prolong the lock if it is time to; commits.

        :raises FeedLockLostError: another run has it.
        """
        if time.monotonic() - self._prolonged < PROLONG_SECONDS:
            return
        try:
            lock.acquire(connection, self._run, LEASE_SECONDS)
        except lock.LockHeldError as held:
            raise FeedLockLostError(str(held)) from None
        self._prolonged = time.monotonic()

    def commit(self, connection: Connection) -> None:
        """Commit what the transaction has done, unless the lock is another run's by now.

        :raises FeedLockLostError: it is; the transaction is rolled back.
        """
        run = self._run
        with connection.cursor() as cursor:
            cursor.execute(
                OURS,
                {name: getattr(run, name) for name in ("client", "environment", "deployment", "dag_id", "run_id")},
            )
            ours = cursor.fetchone() is not None
        if not ours:
            connection.rollback()
            raise FeedLockLostError(f"{run.client}, {run.environment}: the lock is not this run's any more")
        connection.commit()
