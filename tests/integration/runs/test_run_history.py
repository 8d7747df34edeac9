"""What runs record for those who look back, and how it is read: from old tables and from none as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing_aggregator.runs.run_history import ColumnRecord, read_exports, read_runs
from billing_aggregator.runs.run_records import (
    ensure_tables,
    record_end,
    record_phase,
    record_publication,
    record_start,
)
from billing_aggregator.runs.summary import CheckOutcome, ExportFigures, RunSummary
from tests.integration.runs.identities import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = date(2026, 11, 20)
DUE = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
FILE = {"key": "a/b/list_0000.csv", "version_id": "v1", "rows": 3, "bytes": 9, "sha256": "0" * 64}
COLUMNS = (
    {"name": "id", "type": "bigint", "nullable": False, "description": ""},
    {"name": "amount", "type": "numeric(20,2)", "nullable": True, "description": "in euros"},
)
FIGURES = ExportFigures("list", 3, 1, 9, {"amount": "1.10"}, COLUMNS, (FILE,))
CHECK = CheckOutcome("audits.tripica.400", "warn", "looks odd", 3, "violated", ("account", "amount"))


def recorded(connection: Any) -> None:
    """Record a whole run."""
    ensure_tables(connection)
    record_start(connection, FIRST, business_date=str(DAY), dry_run=False, due_at=DUE)
    for phase in ("init", "init", "publish"):
        record_phase(connection, FIRST, phase)
    record_publication(connection, FIRST, {})
    now = datetime.now(UTC)
    record_end(
        connection,
        RunSummary(
            run=FIRST, business_date=str(DAY), dry_run=False, state="success", started_at=now, ended_at=now,
            exports=(FIGURES,), checks=(CHECK,),
        ),
    )  # fmt: skip


def nights(connection: Any, since: date = DAY) -> list[Any]:
    return read_runs(connection, FIRST.client, FIRST.environment, since=since)


def test_a_run_is_read_as_it_was_recorded(connect: Callable[..., Any]) -> None:
    connection = connect()
    recorded(connection)
    (run,) = nights(connection)
    assert (run.tag, run.rows, run.totals, run.due_at) == (FIRST.tag, 3, {"list": {"amount": "1.10"}}, DUE)
    assert list(run.phases) == ["start", "init", "publish"]
    assert run.published
    assert run.late
    (check,) = run.warnings
    assert (check.task, check.state, check.columns) == ("audits.tripica.400", "violated", ("account", "amount"))
    exports = read_exports(connection, FIRST.client, FIRST.environment, FIRST.tag)
    assert exports is not None
    (file,) = exports["list"].files
    assert exports["list"].columns == (
        ColumnRecord("id", "bigint"),
        ColumnRecord("amount", "numeric(20,2)", "in euros"),
    )
    assert (file.version_id, file.rows) == ("v1", 3)


def test_columns_of_an_earlier_version_have_names_only(connect: Callable[..., Any]) -> None:
    connection = connect()
    recorded(connection)
    with connection.cursor() as cursor:
        names = "jsonb_set(exports, '{list,columns}', '[\"id\", \"amount\"]')"
        cursor.execute(f"update report_oibl.aggregator_runs set exports = {names}")
    connection.commit()
    exports = read_exports(connection, FIRST.client, FIRST.environment, FIRST.tag)
    assert exports is not None
    assert exports["list"].columns == (ColumnRecord("id"), ColumnRecord("amount"))


def test_a_phase_begins_with_its_first_task(connect: Callable[..., Any]) -> None:
    connection = connect()
    recorded(connection)
    before = nights(connection)[0].phases
    record_phase(connection, FIRST, "init")
    assert nights(connection)[0].phases == before


def test_a_run_that_starts_again_forgets_what_it_did(connect: Callable[..., Any]) -> None:
    connection = connect()
    recorded(connection)
    record_start(connection, FIRST, business_date=str(DAY), dry_run=False)
    (run,) = nights(connection)
    assert (list(run.phases), run.checks, run.due_at) == (["start"], None, None)


def test_the_table_of_an_earlier_version_is_read_and_gets_its_columns(connect: Callable[..., Any]) -> None:
    connection = connect()
    recorded(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "alter table report_oibl.aggregator_runs drop column due_at, drop column phases, drop column checks, "
            "drop column exports"
        )
    connection.commit()
    (run,) = nights(connection)
    assert (run.rows, run.phases, run.checks) == (3, None, None)
    assert read_exports(connection, FIRST.client, FIRST.environment, FIRST.tag) is None
    record_phase(connection, FIRST, "history")
    assert list(nights(connection)[0].phases) == ["history"]


def test_a_warehouse_without_runs_has_none(connect: Callable[..., Any]) -> None:
    connection = connect()
    assert nights(connection) == []
    recorded(connection)
    assert nights(connection, DAY + timedelta(days=1)) == []
