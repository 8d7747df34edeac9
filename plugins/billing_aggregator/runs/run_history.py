"""Reads what the runs of a client have recorded, for people who look back: see :mod:`billing_aggregator.runs`.

Every query is bounded in rows; the caller bounds its time by the session's ``statement_timeout``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.runs.run_records import MISSING_COLUMN, is_missing_table
from billing_aggregator.runs.summary import CheckOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.postgres.protocols import Connection

# Of one client in the nights that are looked at: a run each night, and some by hand.
MAX_RUNS = 1_000
_RUNS = """
select to_jsonb(run)::text from (
    select {columns} from report_oibl.aggregator_runs
    where client = %(client)s and environment = %(environment)s and business_date >= %(since)s
    order by started_at desc
    limit %(most)s
) as run
"""
_EXPORTS = """
select (to_jsonb(run) -> 'exports')::text from report_oibl.aggregator_runs as run
where client = %(client)s and environment = %(environment)s and tag = %(tag)s
order by started_at desc
limit 1
"""


@dataclass(frozen=True)
class RunRecord:
    """A run as the warehouse has it; what was not recorded is None.

    :param tag: names the run among all runs of all Airflows: eight hexadecimal digits.
    :param state: ``running``, ``success``, ``failed`` or ``lost``.
    :param rows: of all exports; likewise *files* and *bytes*.
    :param totals: export -> column -> exact sum as text.
    :param due_at: published later than this is late; None: no deadline, or not recorded.
    :param phases: phase -> when it began, in this order.
    :param checks: what they found; None where that was not recorded.
    """

    deployment: str
    dag_id: str
    run_id: str
    tag: str
    business_date: date
    dry_run: bool
    state: str
    started_at: datetime
    ended_at: datetime | None
    published_at: datetime | None
    rows: int | None
    files: int | None
    bytes: int | None
    totals: Mapping[str, Mapping[str, str]]
    error: str | None
    due_at: datetime | None = None
    phases: Mapping[str, str] | None = None
    checks: tuple[CheckOutcome, ...] | None = None

    @property
    def published(self) -> bool:
        """Whether it has published: by its own record, or by its success where an earlier version kept none."""
        return not self.dry_run and (self.published_at is not None or self.state == "success")

    @property
    def late(self) -> bool:
        """Whether it was published after its deadline."""
        return bool(self.due_at and self.published_at and self.published_at > self.due_at)

    @property
    def warnings(self) -> tuple[CheckOutcome, ...]:
        """The checks that warn."""
        return tuple(check for check in self.checks or () if check.warns)


@dataclass(frozen=True)
class FileRecord:
    """A published file: rows without the header, bytes as it is stored, its version in a versioned bucket."""

    key: str
    version_id: str | None
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ColumnRecord:
    """A published column: Postgres' type and what it means; an earlier version has recorded the name only."""

    name: str
    type: str = ""
    description: str = ""

    @classmethod
    def of(cls, recorded: str | Mapping[str, Any]) -> Self:
        """Return the column of what a run has written."""
        if isinstance(recorded, str):
            return cls(recorded)
        return cls(recorded["name"], recorded["type"], recorded["description"])


@dataclass(frozen=True)
class ExportRecord:
    """What a run has published of one export."""

    rows: int
    bytes: int
    columns: tuple[ColumnRecord, ...]
    files: tuple[FileRecord, ...] = field(default=())


def read_runs(
    connection: Connection, client: str, environment: str, *, since: date = date.min, most: int = MAX_RUNS
) -> list[RunRecord]:
    """Return the runs for business dates from *since* on, newest first, *most* of them at most; rolls back.

    Empty where the warehouse has no such table: nothing ran there yet.
    """
    values = {"client": client, "environment": environment, "since": since, "most": most}
    try:
        # Without the files, of which there may be thousands: they are read of one run only.
        rows = _read(connection, _RUNS.format(columns=", ".join(column.name for column in fields(RunRecord))), values)
    except Exception as error:
        if sqlstate(error) != MISSING_COLUMN:
            raise
        # No run has started since the newer columns were added.
        rows = _read(connection, _RUNS.format(columns="*"), values)
    return [_run(json.loads(text)) for (text,) in rows]


def read_exports(connection: Connection, client: str, environment: str, tag: str) -> dict[str, ExportRecord] | None:
    """Return what the run *tag* has published, by export; None where that was not recorded. Rolls back."""
    rows = _read(connection, _EXPORTS, {"client": client, "environment": environment, "tag": tag})
    exports = json.loads(rows[0][0] or "null") if rows else None
    if exports is None:
        return None
    return {
        name: ExportRecord(
            export["rows"],
            export["bytes"],
            tuple(map(ColumnRecord.of, export["columns"])),
            tuple(FileRecord(**file) for file in export["files"]),
        )
        for name, export in sorted(exports.items())
    }


def _read(connection: Connection, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("set transaction read only")
            cursor.execute(query, dict(values))
            return list(cursor.fetchall())
    except Exception as error:
        if is_missing_table(error):
            return []
        raise
    finally:
        connection.rollback()


def _run(row: Mapping[str, Any]) -> RunRecord:
    values: dict[str, Any] = {column.name: row.get(column.name) for column in fields(RunRecord)}
    for name in ("started_at", "ended_at", "published_at", "due_at"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    values["business_date"] = date.fromisoformat(values["business_date"])
    values["totals"] = values["totals"] or {}
    phases, checks = values["phases"], values["checks"]
    values["phases"] = dict(sorted(phases.items(), key=lambda phase: str(phase[1]))) if phases is not None else None
    values["checks"] = tuple(_check(check) for check in checks) if checks is not None else None
    return RunRecord(**values)


def _check(check: Mapping[str, Any]) -> CheckOutcome:
    return CheckOutcome(**{**check, "columns": tuple(check.get("columns", ()))})
