"""Runs an export without writing anything anywhere: no upload, no manifest, no table."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.export.copy.copy_stream import stream_copy
from billing_aggregator.export.copy.file_cutter import Rotation
from billing_aggregator.export.copy.part_sender import Written
from billing_aggregator.export.copy.progress import CopyProgress
from billing_aggregator.export.plan.empty_lines import warn_of_empty_lines, warn_of_empty_lines_of_query
from billing_aggregator.export.plan.export_plan import Cut, cut_relation, keys_of
from billing_aggregator.export.plan.limits import check_files
from billing_aggregator.export.plan.planner import find_source
from billing_aggregator.export.plan.relation import lock
from billing_aggregator.export.plan.source import copy_statement, describe_named, query_totals
from billing_aggregator.export.session import fetch_one, transaction
from billing_aggregator.export.settings import plan_as_by_default

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.planner import Export
    from billing_aggregator.export.plan.source import Source
    from billing_aggregator.export.session import CheckTables
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
    :param check_tables: is called in the transaction that reads the rows; refuses their tables by an error.
    :raises EmptyExportError: the result is empty and must not be.
    :raises TooManyFilesError: the result is more files than an export may have.
    """
    with transaction(connection, statement_timeout=timeout, own_path=True) as cursor:
        source = find_source(cursor, export)
        if check_tables is not None:
            check_tables(cursor)
    with transaction(connection, statement_timeout=timeout, own_path=source is None) as cursor:
        if source is not None:
            lock(cursor, source.relation)
            warn_of_empty_lines(cursor, export.name, source, options.dialect)
            cuts = cut_relation(cursor, source, options.max_rows_per_file, export.name)
            totals = _totals(cursor, source)
            statement = source.copy_statement(options.dialect, None, None)
        else:
            plan_as_by_default(cursor)
            names = list(describe_named(cursor, export.as_query()).names)
            warn_of_empty_lines_of_query(cursor, export.name, export.as_query(), names, options.dialect)
            rows, totals = query_totals(cursor, export.as_query())
            check_files(export.name, rows, options.max_rows_per_file)
            cuts = _even_cuts(rows, options.max_rows_per_file)
            statement = copy_statement(export.as_query(), options.dialect)
        keys = list(keys_of(run, options, export.name, cuts))
        progress = CopyProgress(export.name, sum(cut.rows for cut in cuts))
        files: list[DryRunFile] = []
        if keys:
            rotation = Rotation([cut.rows for cut in cuts], lambda _: _Counter(), options, progress)
            stream_copy(connection, statement, rotation, header=options.dialect.header)
            done = [written for written, _ in rotation.finish()]
            files = [DryRunFile(k, c.rows, w.size, w.sha256) for k, c, w in zip(keys, cuts, done, strict=True)]
        if check_tables is not None:
            check_tables(cursor)
    progress.tell("dry run of")
    size = sum(file.bytes for file in files)
    return DryRun(export.name, sum(cut.rows for cut in cuts), size, totals, tuple(files), round(progress.seconds, 3))


def _totals(cursor: Cursor, source: Source) -> dict[str, str]:
    sums = source.totals_columns().removeprefix(", ")
    return source.totals(fetch_one(cursor, f"select {sums} from only {source.relation.sql}")) if sums else {}


def _even_cuts(rows: int, rows_per_file: int) -> list[Cut]:
    full, rest = divmod(rows, rows_per_file)
    counts = [rows_per_file] * full + ([rest] if rest or not full else [])
    return [Cut(count, None, None) for count in counts]


class _Counter:
    """A file that is counted and hashed and goes nowhere."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        self._sha.update(data)
        self._size += len(data)

    def end(self) -> Callable[[], Written]:
        written = Written([], self._size, self._sha.hexdigest())
        return lambda: written
