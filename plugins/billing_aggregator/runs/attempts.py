"""Which try of a task may commit: one that Airflow has given up works on beside its successor, or wakes up behind it.

Such a try would build a table again behind its audits, or book twice. So each try of a script writes its number into
the run's row of ``report_oibl.aggregator_runs`` before it begins, and looks again before it commits: once a later try
has begun, nothing of an earlier one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import TerminalError

if TYPE_CHECKING:
    from billing_aggregator.postgres.protocols import Cursor
    from billing_aggregator.runs.identity import Run
    from billing_aggregator.runs.table_guard import TableGuard

COLUMNS = ("tries",)
ADD_COLUMNS = """
alter table report_oibl.aggregator_runs add column if not exists tries jsonb;
comment on column report_oibl.aggregator_runs.tries is 'task of a script -> number of its last try that has begun'
"""
BEGIN = """
update report_oibl.aggregator_runs set
    tries = coalesce(tries, '{}') || jsonb_build_object(%(task)s::text, %(number)s::integer)
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
    and coalesce((tries ->> %(task)s)::integer, 0) <= %(number)s
"""
# A later try waits with its number until this transaction has ended.
LAST = """
select (tries ->> %(task)s)::integer from report_oibl.aggregator_runs
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
for share
"""


class GivenUpError(TerminalError):
    """A later try of this task has begun: Airflow has given this one up."""


@dataclass(frozen=True)
class Attempt:
    """A try of a task; *number* counts from 1, over retries and clearings of one run."""

    run: Run
    task: str
    number: int

    def begin(self, cursor: Cursor) -> None:
        """Write that this try has begun.

        :raises GivenUpError: a later one has begun already.
        """
        cursor.execute(BEGIN, self._values())
        if cursor.rowcount != 1:
            self.check(cursor)

    def check(self, cursor: Cursor) -> None:
        """Look whether this is still the last try; it stays so until the transaction ends.

        :raises GivenUpError: a later one has begun.
        """
        cursor.execute(LAST, self._values())
        row = cursor.fetchone()
        if row is not None and (row[0] or 0) > self.number:
            raise GivenUpError(
                f"try {row[0]} of {self.task} has begun, this is try {self.number}: Airflow has given it up, and "
                "nothing of it is kept"
            )

    def _values(self) -> dict[str, Any]:
        run = self.run
        return {
            "deployment": run.deployment, "dag_id": run.dag_id, "run_id": run.run_id, "task": self.task,
            "number": self.number,
        }  # fmt: skip


@dataclass(frozen=True)
class AttemptGuard:
    """Watches one transaction as *tables* does, and refuses its commit to a try that was given up."""

    attempt: Attempt
    tables: TableGuard

    def begin(self, cursor: Cursor) -> None:
        """See :meth:`TableGuard.begin`."""
        self.tables.begin(cursor)

    def end(self, cursor: Cursor) -> None:
        """See :meth:`TableGuard.end`; raises GivenUpError, too."""
        self.attempt.check(cursor)
        self.tables.end(cursor)
