"""Makes a plan with open uploads from a table's name or a query."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.errors import ExportSourceChangedError, TooManyFilesError
from billing_aggregator.export.keys import check_export_name
from billing_aggregator.export.plan.empty_lines import warn_of_empty_lines
from billing_aggregator.export.plan.export_plan import Chunk, ExportPlan
from billing_aggregator.export.plan.relation import lock_relation
from billing_aggregator.export.plan.row_ranges import cut_relation, keys_of
from billing_aggregator.export.plan.snapshot import MOST_WRITERS, take_snapshot
from billing_aggregator.export.plan.source import Source, SourceError, find_query, find_table
from billing_aggregator.export.plan.staging import drop_staging, freeze_query
from billing_aggregator.export.plan.uploads import start_uploads
from billing_aggregator.export.transaction import GuardedConnection, quote_ident
from billing_aggregator.sql.report_schema import REPORT_SCHEMA
from billing_aggregator.sql.statements import as_query

if TYPE_CHECKING:
    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.row_ranges import RowRange
    from billing_aggregator.export.plan.snapshot import Snapshot
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.export.transaction import CheckTables
    from billing_aggregator.postgres.protocols import Connection, Cursor

#: SQLSTATE of a query that locks rows in a read-only transaction.
WRITES = "25006"
MOST_LOOKS = 3
STAGING_SCHEMA = REPORT_SCHEMA


@dataclass(frozen=True)
class Export:
    """What to export: a table (or materialised view, or view), or a query.

    :param name: the export's name and the stem of its files, e.g. ``tripica_results`` or ``customer/oibl``.
    :param table: schema and name.
    :param query: a SELECT without final semicolon; its column names are the header.
    :param staging_schema: where a query's result is frozen if it is not simply columns of one table.
    """

    name: str
    table: tuple[str, str] | None = None
    query: str | None = None
    staging_schema: str = STAGING_SCHEMA

    def __post_init__(self) -> None:
        check_export_name(self.name)
        if (self.table is None) == (self.query is None):
            raise ValueError(f"export {self.name}: give a table or a query, and not both")

    def as_query(self) -> str:
        """Return the query, or the one that reads the whole table."""
        if self.table is not None:
            return f"select * from {quote_ident(*self.table)}"
        return as_query(self.query or "")


def find_source(cursor: Cursor, export: Export) -> Source | None:
    """Return the pages that hold the export's rows, or None if they have to be frozen first."""
    source = find_table(cursor, *export.table) if export.table is not None else None
    return source or find_query(cursor, export.as_query())


def plan_export(
    connection: Connection,
    store: Store,
    run: ExportRun,
    export: Export,
    options: ExportOptions,
    *,
    timeout: float,
    check_tables: CheckTables | None = None,
    attempt: int = 1,
) -> ExportPlan:
    """Cut the export into files and open their uploads.

    Repeating it gives a new plan with new uploads; a plan that fails aborts its uploads and drops its frozen copy.

    :param timeout: seconds for each statement; 0 means none.
    :param check_tables: is called at the end of each transaction that has read the export's tables; refuses them by an
        error.
    :param attempt: number of the try: what a later one has frozen is not touched.
    :raises EmptyExportError: the result is empty and must not be.
    :raises SourceError: the table or query cannot be exported.
    :raises TooManyFilesError: the result is more files than an export may have.
    """
    guarded = GuardedConnection(connection, timeout, check_tables)
    store.use(options)
    published = store.read(run.manifest_key)
    source, snapshot, ranges = _find_and_cut(guarded, run, export, options, attempt)
    try:
        uploads = start_uploads(store, options, list(keys_of(run, options, export.name, ranges)))
    except BaseException:
        _drop(guarded, source)
        raise
    chunks = tuple(
        Chunk(index, rows.rows, rows.after, rows.upto, upload)
        for index, (rows, upload) in enumerate(zip(ranges, uploads, strict=False))
    )
    total = sum(each.rows for each in ranges)
    base = published.etag if published else None
    return ExportPlan(export.name, run, options, source, snapshot, total, chunks, base)


def _find_and_cut(
    connection: GuardedConnection, run: ExportRun, export: Export, options: ExportOptions, attempt: int
) -> tuple[Source, Snapshot, list[RowRange]]:
    """Find the source and cut it under its lock; a relation that is swapped in between is found again.

    A table to which many transactions are writing is frozen: nobody could find out later which of its rows are new.
    """
    busy = False
    for look in range(1, MOST_LOOKS + 1):
        source = None if busy else _find(connection, export)
        if source is None:
            source = freeze_query(
                connection, export.staging_schema, export.as_query(), run, export.name, attempt=attempt
            )
        try:
            with connection.transaction() as cursor:
                lock_relation(cursor, source.relation)
                warn_of_empty_lines(cursor, export.name, source, options.dialect)
                snapshot = take_snapshot(cursor, source.relation)
                if snapshot is not None:
                    ranges = cut_relation(cursor, source, options.max_rows_per_file, export.name)
        except ExportSourceChangedError:
            if look == MOST_LOOKS:
                raise
        except TooManyFilesError:
            _drop(connection, source)
            raise
        else:
            if snapshot is not None:
                return source, snapshot, ranges
            busy = True
    raise SourceError(
        f"export {export.name}: more than {MOST_WRITERS} transactions write to its frozen copy while it is planned"
    )


def _find(connection: GuardedConnection, export: Export) -> Source | None:
    """Return the pages that hold the export's rows; None if they have to be frozen first."""
    try:
        with connection.transaction(own_path=True) as cursor:
            return find_source(cursor, export)
    except Exception as error:
        if sqlstate(error) != WRITES:
            raise
        return None


def _drop(connection: GuardedConnection, source: Source) -> None:
    """Drop a frozen copy, as far as that is possible behind the error that is on its way."""
    with suppress(Exception):
        drop_staging(connection.connection, source, timeout=connection.timeout)
