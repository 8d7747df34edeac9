"""Runs an export without writing anything anywhere: no upload, no manifest, no table."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from billing_aggregator.export.copy.copy_stream import stream_copy
from billing_aggregator.export.copy.file_cutter import FileCutter
from billing_aggregator.export.copy.part_sender import WrittenFile
from billing_aggregator.export.copy.progress import CopyProgress
from billing_aggregator.export.plan.empty_lines import warn_of_empty_lines, warn_of_empty_lines_of_query
from billing_aggregator.export.plan.formulas import neutralised_query
from billing_aggregator.export.plan.planner import find_source
from billing_aggregator.export.plan.relation import lock_relation
from billing_aggregator.export.plan.row_ranges import check_files, cut_relation, even_ranges, keys_of
from billing_aggregator.export.plan.source import copy_statement, describe_named, query_totals
from billing_aggregator.export.transaction import GuardedConnection, fetch_one
from billing_aggregator.export.transaction_settings import plan_as_by_default

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.planner import Export
    from billing_aggregator.export.plan.row_ranges import RowRange
    from billing_aggregator.export.plan.source import Source
    from billing_aggregator.export.transaction import CheckTables
    from billing_aggregator.postgres.protocols import Connection, Cursor


@dataclass(frozen=True)
class DryRunFile:
    """A file that would be published: its key, rows, bytes and SHA-256."""

    key: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DryRun:
    """What an export would publish."""

    export: str
    rows: int
    bytes: int
    control_totals: dict[str, str]
    files: tuple[DryRunFile, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self) | {"files": [asdict(file) for file in self.files]}


def dry_run(
    connection: Connection,
    run: ExportRun,
    export: Export,
    options: ExportOptions,
    *,
    timeout: float,
    check_tables: CheckTables | None = None,
) -> DryRun:
    """Run the export's COPY and count and hash what it sends, all in one read-only snapshot.

    A query that would have to be frozen runs twice: once for its rows and sums, once for its bytes.

    :param timeout: seconds for each statement; 0 means none.
    :param check_tables: is called at the end of each transaction that has read the export's tables; refuses them by an
        error.
    :raises EmptyExportError: the result is empty and must not be.
    :raises TooManyFilesError: the result is more files than an export may have.
    """
    guarded = GuardedConnection(connection, timeout, check_tables)
    with guarded.transaction(own_path=True) as cursor:
        source = find_source(cursor, export)
    with guarded.transaction(own_path=source is None) as cursor:
        counted = _count(cursor, export, source, options)
        keys = list(keys_of(run, options, export.name, counted.ranges))
        progress = CopyProgress(export.name, sum(each.rows for each in counted.ranges))
        files: list[DryRunFile] = []
        if keys:
            cutter = FileCutter([each.rows for each in counted.ranges], lambda _: _Counter(), options, progress)
            stream_copy(connection, counted.statement, cutter, header=options.dialect.header)
            written = [file for file, _ in cutter.finish()]
            files = [
                DryRunFile(key, each.rows, file.size, file.sha256)
                for key, each, file in zip(keys, counted.ranges, written, strict=True)
            ]
    progress.log("dry run of")
    rows = sum(each.rows for each in counted.ranges)
    size = sum(file.bytes for file in files)
    return DryRun(export.name, rows, size, counted.totals, tuple(files), round(progress.seconds, 3))


class _Counted(NamedTuple):
    """What is known of an export before its COPY: the rows of each file, control totals, and the COPY itself."""

    ranges: list[RowRange]
    totals: dict[str, str]
    statement: str


def _count(cursor: Cursor, export: Export, source: Source | None, options: ExportOptions) -> _Counted:
    if source is None:
        plan_as_by_default(cursor)
        query = export.as_query()
        described = describe_named(cursor, query)
        warn_of_empty_lines_of_query(cursor, export.name, query, list(described.names), options.dialect)
        rows, totals = query_totals(cursor, query)
        check_files(export.name, rows, options.max_rows_per_file)
        selected, texts = neutralised_query(cursor, query, described, options.dialect)
        statement = copy_statement(selected, options.dialect, texts)
        return _Counted(even_ranges(rows, options.max_rows_per_file), totals, statement)
    lock_relation(cursor, source.relation)
    warn_of_empty_lines(cursor, export.name, source, options.dialect)
    ranges = cut_relation(cursor, source, options.max_rows_per_file, export.name)
    sums = source.totals_columns().removeprefix(", ")
    totals = source.totals(fetch_one(cursor, f"select {sums} from only {source.relation.sql}")) if sums else {}
    return _Counted(ranges, totals, source.copy_statement(options.dialect, None, None))


class _Counter:
    """A file that is counted, hashed and thrown away."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._sha.update(data)
        self._size += len(data)

    def end(self) -> Callable[[], WrittenFile]:
        written = WrittenFile([], self._size, self._sha.hexdigest())
        return lambda: written
