"""What the warehouse's table of runs keeps: how each run ended, and its first publication."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing_aggregator.runs.run_records import (
    ensure_tables,
    first_publication,
    published_tables,
    record_end,
    record_publication,
    record_start,
)
from billing_aggregator.runs.summary import CheckOutcome, ExportFigures, RunSummary
from tests.integration.runs.identities import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable


def test_runs_are_recorded(connect: Callable[..., Any]) -> None:
    connection = connect()
    ensure_tables(connection)
    record_start(connection, FIRST, business_date="2026-11-20", dry_run=False)
    record_start(connection, SECOND, business_date="2026-11-20", dry_run=False)
    with connection.cursor() as cursor:
        cursor.execute("select state from report_oibl.aggregator_runs order by started_at")
        assert [row[0] for row in cursor.fetchall()] == ["lost", "running"]
    figures = ExportFigures("tripica_results", 7, 2, 99, {"amount": "12345678901234567.89"})
    now = datetime.now(UTC)
    summary = RunSummary(
        run=SECOND, business_date="2026-11-20", dry_run=False, state="success", started_at=now, ended_at=now,
        exports=(figures,), checks=(CheckOutcome("audits.tripica.400", "warn", "looks odd", 3),),
    )  # fmt: skip
    record_end(connection, summary)
    with connection.cursor() as cursor:
        cursor.execute("select checks::text from report_oibl.aggregator_runs where state = 'success'")
        (kept,) = json.loads(cursor.fetchone()[0])
    assert kept == {
        "task": "audits.tripica.400", "severity": "warn", "title": "looks odd", "violations": 3, "state": "",
        "columns": [],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "select deployment, state, rows, files, bytes, totals::text, ended_at is not null "
            "from report_oibl.aggregator_runs order by started_at"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [
            (FIRST.deployment, "lost", None, None, None, None, True),
            (SECOND.deployment, "success", 7, 2, 99, '{"tripica_results": {"amount": "12345678901234567.89"}}', True),
        ]


def test_the_first_publication_is_kept(connect: Callable[..., Any]) -> None:
    """Also when the run starts again; and an existing table without the column gets it."""
    connection = connect()
    ensure_tables(connection)
    with connection.cursor() as cursor:
        cursor.execute("alter table report_oibl.aggregator_runs drop column published_at, drop column checks")
    connection.commit()
    ensure_tables(connection)
    record_start(connection, FIRST, business_date="2026-11-20", dry_run=False)
    assert first_publication(connection, FIRST.dag_id, FIRST.run_id) is None
    record_publication(connection, FIRST, {"tripica_results": "earlier"})
    first = first_publication(connection, FIRST.dag_id, FIRST.run_id)
    assert first is not None
    record_start(connection, FIRST, business_date="2026-11-20", dry_run=False)
    assert published_tables(connection, FIRST) == {"tripica_results": "earlier"}
    record_publication(connection, FIRST, {"tripica_results": "later"})
    assert first_publication(connection, FIRST.dag_id, FIRST.run_id) == first
    assert published_tables(connection, FIRST) == {"tripica_results": "later"}
    assert published_tables(connection, SECOND) == {}
