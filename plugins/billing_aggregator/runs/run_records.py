"""The tables in ``report_oibl`` that record which run works on a client now, and what each run did.

They are ``aggregator_claims`` and ``aggregator_runs``; the cleanup phase drops no table that begins with
``aggregator_``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.runs import attempts, run_details

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from billing_aggregator.postgres.protocols import Connection, Cursor
    from billing_aggregator.runs.identity import Run
    from billing_aggregator.runs.summary import RunSummary

MISSING = ("42P01", "3F000")  # undefined_table, invalid_schema_name
MISSING_COLUMN = "42703"
# Any number: it keeps two first runs from creating the tables at the same moment.
CREATE_LOCK = 7_203_110_001
TABLES = """
create table if not exists report_oibl.aggregator_claims (
    client text not null,
    environment text not null,
    deployment text not null,
    dag_id text not null,
    run_id text not null,
    tag text not null,
    since timestamptz not null,
    lease_until timestamptz not null,
    primary key (client, environment)
);
create table if not exists report_oibl.aggregator_runs (
    client text not null,
    environment text not null,
    deployment text not null,
    dag_id text not null,
    run_id text not null,
    tag text not null,
    business_date date not null,
    dry_run boolean not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    state text not null check (state in ('running', 'success', 'failed', 'lost')),
    rows bigint,
    files integer,
    bytes bigint,
    totals jsonb,
    error text,
    published_at timestamptz,
    published_tables jsonb,
    primary key (deployment, dag_id, run_id)
);
comment on table report_oibl.aggregator_claims is 'the run that works on a client and environment now';
comment on table report_oibl.aggregator_runs is
'one row for each run; times in UTC; figures as published or, in a dry run, as counted; lost: ended without saying so'
"""
START = """
insert into report_oibl.aggregator_runs
    (client, environment, deployment, dag_id, run_id, tag, business_date, dry_run, started_at, state)
values (%(client)s, %(environment)s, %(deployment)s, %(dag_id)s, %(run_id)s, %(tag)s, %(business_date)s, %(dry_run)s,
        clock_timestamp(), 'running')
on conflict (deployment, dag_id, run_id) do update set
    business_date = excluded.business_date, dry_run = excluded.dry_run, started_at = excluded.started_at,
    ended_at = null, state = 'running', rows = null, files = null, bytes = null, totals = null, error = null,
    tries = null,
    -- A row written by a version without this column: a run that succeeded was published by its end.
    published_at = coalesce(aggregator_runs.published_at,
        case when aggregator_runs.state = 'success' and not aggregator_runs.dry_run then aggregator_runs.ended_at end)
"""
LOSE_OTHERS = """
update report_oibl.aggregator_runs set state = 'lost', ended_at = clock_timestamp()
where client = %(client)s and environment = %(environment)s and state = 'running' and tag <> %(tag)s
"""
END = """
update report_oibl.aggregator_runs set
    ended_at = clock_timestamp(), state = %(state)s, rows = %(rows)s, files = %(files)s, bytes = %(bytes)s,
    totals = %(totals)s::jsonb, error = %(error)s
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
"""
# The first publication of a run: a cleared run publishes again, and is not late because of that.
ADD_PUBLISHED = """
alter table report_oibl.aggregator_runs
    add column if not exists published_at timestamptz, add column if not exists published_tables jsonb
"""
# Columns that later versions have added, and how: a table of an earlier version gets them at the next run's start.
ADDED = (
    (("published_at", "published_tables"), ADD_PUBLISHED),
    (run_details.COLUMNS, run_details.ADD_COLUMNS),
    (attempts.COLUMNS, attempts.ADD_COLUMNS),
)
PUBLISHED = """
update report_oibl.aggregator_runs set
    published_at = coalesce(published_at, clock_timestamp()), published_tables = %(tables)s::jsonb
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
"""
PUBLISHED_TABLES = """
select published_at is not null, published_tables from report_oibl.aggregator_runs
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
"""
FIRST_PUBLISHED = """
select min(published_at) from report_oibl.aggregator_runs where dag_id = %(dag_id)s and run_id = %(run_id)s
"""


def ensure_tables(connection: Connection) -> None:
    """Create the schema and the tables where they are missing; commits.

    The schema is not created where it exists: a role without the right to create schemas may still work in one.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [CREATE_LOCK])
        cursor.execute("select to_regnamespace('report_oibl') is null")
        if cursor.fetchone()[0]:
            cursor.execute("create schema if not exists report_oibl")
        cursor.execute(
            "select to_regclass('report_oibl.aggregator_claims') is null "
            "or to_regclass('report_oibl.aggregator_runs') is null"
        )
        if cursor.fetchone()[0]:
            cursor.execute(TABLES)
        for columns, add in ADDED:
            cursor.execute(
                "select count(*) from pg_catalog.pg_attribute where attname = any(%s::text[]) "
                "and attrelid = 'report_oibl.aggregator_runs'::regclass",
                [list(columns)],
            )
            if cursor.fetchone()[0] < len(columns):
                cursor.execute(add)
    connection.commit()


def is_missing_table(error: BaseException) -> bool:
    """Return whether *error* says that a table or its schema does not exist."""
    return sqlstate(error) in MISSING


def record_start(
    connection: Connection, run: Run, *, business_date: str, dry_run: bool, due_at: datetime | None = None
) -> None:
    """Write that *run* has started, and that runs which never ended are lost: the lock is ours. Commits.

    :param business_date: ISO date.
    :param due_at: a publication after this is late; None: there is no deadline.
    """
    values = _key(run) | {"business_date": business_date, "dry_run": dry_run}
    with connection.cursor() as cursor:
        cursor.execute(START, values)
        run_details.begin(cursor, _key(run), due_at)
        cursor.execute(LOSE_OTHERS, values)
    connection.commit()


def record_phase(connection: Connection, run: Run, phase: str) -> None:
    """Write that a phase of *run* begins now, unless one of its tasks has said so before; commits."""
    _record(connection, lambda cursor: run_details.enter_phase(cursor, _key(run), phase))


def record_attempt(connection: Connection, attempt: attempts.Attempt) -> None:
    """Write that a try of a script's task begins now; commits.

    :raises GivenUpError: a later try has begun already.
    """
    _record(connection, attempt.begin)


def _record(connection: Connection, write: Callable[[Cursor], None]) -> None:
    try:
        with connection.cursor() as cursor:
            write(cursor)
    except Exception as error:
        connection.rollback()
        if sqlstate(error) not in (MISSING_COLUMN, *MISSING):
            raise
        # The run was started by an earlier version, or the task was run alone.
        ensure_tables(connection)
        return _record(connection, write)
    connection.commit()
    return None


def record_end(connection: Connection, summary: RunSummary) -> None:
    """Write what a run did; commits."""
    values = _key(summary.run) | {
        "state": summary.state,
        "rows": summary.rows,
        "files": summary.files,
        "bytes": summary.bytes,
        "error": summary.error,
        "totals": json.dumps(summary.totals, sort_keys=True),
    }
    with connection.cursor() as cursor:
        cursor.execute(END, values)
        run_details.end(cursor, _key(summary.run), summary)
    connection.commit()


def record_publication(connection: Connection, run: Run, tables: Mapping[str, str]) -> None:
    """Write that *run* is published now; when it was for the first time stays. Commits.

    :param tables: results table -> when it was built: what the published files were made from.
    """
    with connection.cursor() as cursor:
        cursor.execute(PUBLISHED, _key(run) | {"tables": json.dumps(dict(tables), sort_keys=True)})
    connection.commit()


def published_tables(connection: Connection, run: Run) -> dict[str, str] | None:
    """Return results table -> when it was built, of what *run* has published last; empty when it has not published.

    None where that was not kept: the run was published before there was this column.
    """
    with connection.cursor() as cursor:
        cursor.execute(PUBLISHED_TABLES, _key(run))
        row = cursor.fetchone()
    connection.commit()
    if row is None or not row[0]:
        return {}
    tables: dict[str, str] | None = json.loads(row[1]) if isinstance(row[1], str) else row[1]
    return tables


def first_publication(connection: Connection, dag_id: str, run_id: str) -> datetime | None:
    """Return when the run was published for the first time; None when it was not, or that was not kept."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_PUBLISHED, {"dag_id": dag_id, "run_id": run_id})
        found: datetime | None = cursor.fetchone()[0]
    connection.commit()
    return found


def _key(run: Run) -> dict[str, Any]:
    names = ("client", "environment", "deployment", "dag_id", "run_id", "tag")
    return {name: getattr(run, name) for name in names}
