"""One run at a time for each client and environment, across every Airflow that works on the same warehouse.

A lock is a row in ``report_oibl.aggregator_claims``. The run's first task takes it, each task's start prolongs its
lease, the last task releases it. The lease is longer than any task may take, so a live run never loses it between two
heartbeats; a dead run's lock is taken over when its lease has ended and none of its sessions is left. No advisory
lock: such a lock belongs to a session, and a run is many sessions with pauses between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import TerminalError
from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.run_records import ensure_tables, is_missing_table

if TYPE_CHECKING:
    from datetime import datetime

    from billing_aggregator.postgres.protocols import Connection

# A task waits for a worker and for its retries before its next heartbeat.
LEASE_MARGIN_SECONDS = 30 * 60


class LockHeldError(TerminalError):
    """Another run works on this client and environment; the message names it."""


@dataclass(frozen=True)
class LockHolder:
    """Who holds a client and environment, since when, and until when without a sign of life (UTC)."""

    run: Run
    since: datetime
    lease_until: datetime

    def __str__(self) -> str:
        return (
            f"run {self.run.run_id} of {self.run.dag_id} in the Airflow {self.run.deployment}, "
            f"since {self.since:%Y-%m-%d %H:%M:%S} UTC, session tag {self.run.tag}"
        )


TAKE = """
insert into report_oibl.aggregator_claims as held
    (client, environment, deployment, dag_id, run_id, tag, since, lease_until)
values (%(client)s, %(environment)s, %(deployment)s, %(dag_id)s, %(run_id)s, %(tag)s,
        clock_timestamp(), clock_timestamp() + make_interval(secs => %(lease)s))
on conflict (client, environment) do update set
    deployment = excluded.deployment,
    dag_id = excluded.dag_id,
    run_id = excluded.run_id,
    tag = excluded.tag,
    since = case when held.tag = excluded.tag then held.since else excluded.since end,
    lease_until = excluded.lease_until
where (held.deployment, held.dag_id, held.run_id) = (excluded.deployment, excluded.dag_id, excluded.run_id)
    or (
        (held.lease_until < clock_timestamp() or held.tag = %(ended_tag)s)
        and not exists (
            select from pg_stat_activity as backend
            where backend.application_name like 'bda:%%:' || held.tag || ':%%'
        )
    )
returning since
"""
HOLDER = """
select client, environment, deployment, dag_id, run_id, since, lease_until
from report_oibl.aggregator_claims
where client = %(client)s and environment = %(environment)s
"""
RELEASE = """
delete from report_oibl.aggregator_claims
where (client, environment, deployment, dag_id, run_id)
    = (%(client)s, %(environment)s, %(deployment)s, %(dag_id)s, %(run_id)s)
"""
RELEASE_UNUSED = f"""{RELEASE}
    and not exists (
        select from pg_stat_activity as backend
        where backend.pid <> pg_backend_pid()
            and backend.application_name like 'bda:%%:' || aggregator_claims.tag || ':%%'
    )
"""


def acquire(connection: Connection, run: Run, lease_seconds: float, ended: Run | None = None) -> None:
    """Take the lock for *run*, or prolong it when the run holds it already; commits.

    :param lease_seconds: how long the lock holds without another heartbeat.
    :param ended: a run that is known to have ended (its Airflow says so): its lease need not run out.
    :raises LockHeldError: another run holds it. Terminal: waiting would run the same business twice.
    """
    values = _values(run) | {"lease": lease_seconds, "ended_tag": ended.tag if ended else None}
    with connection.cursor() as cursor:
        try:
            cursor.execute(TAKE, values)
        except Exception as error:
            connection.rollback()
            if not is_missing_table(error):
                raise
            ensure_tables(connection)
            cursor.execute(TAKE, values)
        taken = cursor.fetchone() is not None
    connection.commit()
    if not taken:
        held = holder(connection, run)
        if held is None:
            # Released between the two statements.
            return acquire(connection, run, lease_seconds, ended)
        raise LockHeldError(
            f"{run.client}/{run.environment} is taken by {held}; its lease ends at {held.lease_until:%H:%M:%S} UTC"
        )
    return None


def holder(connection: Connection, run: Run) -> LockHolder | None:
    """Return who holds the client and environment of *run*; None when nobody does."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(HOLDER, _values(run))
            row = cursor.fetchone()
        except Exception as error:
            connection.rollback()
            if is_missing_table(error):
                return None
            raise
    connection.commit()
    return None if row is None else LockHolder(Run(*row[:5]), row[5], row[6])


def release(connection: Connection, run: Run) -> bool:
    """Give the lock back; return whether *run* held it. Commits."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, _values(run))
        held = bool(cursor.rowcount == 1)
    connection.commit()
    return held


def release_unused(connection: Connection, run: Run) -> None:
    """Give the lock back unless another session of *run* works on; commits."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE_UNUSED, _values(run))
    connection.commit()


def _values(run: Run) -> dict[str, Any]:
    return {
        "client": run.client,
        "environment": run.environment,
        "deployment": run.deployment,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "tag": run.tag,
    }
