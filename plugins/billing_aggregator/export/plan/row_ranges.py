"""Cuts a relation into the ranges of rows of an export's files, exactly and without reading them.

A cursor walks over the pages in the plan's snapshot: ``MOVE`` counts rows on the server and costs a tenth of reading
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.export.errors import EmptyExportError, TooManyFilesError
from billing_aggregator.export.keys import file_name, render_key
from billing_aggregator.export.transaction import fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.source import Source
    from billing_aggregator.postgres.protocols import Cursor

MOVED = "MOVE "


@dataclass(frozen=True)
class RowRange:
    """The rows of one file: how many, behind tuple *after* up to *upto*; None is an open end."""

    rows: int
    after: str | None
    upto: str | None


def cut_relation(cursor: Cursor, source: Source, rows_per_file: int, name: str) -> list[RowRange]:
    """Return the ranges of the relation, in physical order; at least one, which may be empty.

    The last range is open at its end: rows that somebody appends later are noticed by the COPY's count.

    :param name: the export, for messages.
    :raises TooManyFilesError: there are more rows than so many files can hold.
    """
    cursor.execute(f"declare bda_cut no scroll cursor for select ctid from only {source.relation.sql}")
    ends: list[str] = []
    rows = 0
    while True:
        moved = _move(cursor, rows_per_file - 1)
        rows += moved
        last = fetch_one(cursor, "fetch next from bda_cut") if moved == rows_per_file - 1 else None
        if last is None:
            break
        rows += 1
        ends.append(last[0])
        if len(ends) > MOST_FILES:  # too many already; the rest is only counted, for the message
            rows += _move(cursor, "all")
            break
    cursor.execute("close bda_cut")
    check_files(name, rows, rows_per_file)
    if ends and rows == len(ends) * rows_per_file:
        ends.pop()
    starts: list[str | None] = [None, *ends]
    counts = [rows_per_file] * len(ends) + [rows - len(ends) * rows_per_file]
    return [RowRange(*values) for values in zip(counts, starts, [*ends, None], strict=True)]


def _move(cursor: Cursor, rows: int | Literal["all"]) -> int:
    """Move over *rows* rows; return how many there were. ``MOVE 0`` would stay on the row and count it again."""
    if not rows:
        return 0
    cursor.execute(f"move forward {rows} in bda_cut")
    return int((cursor.statusmessage or "").removeprefix(MOVED))


def even_ranges(rows: int, rows_per_file: int) -> list[RowRange]:
    """Return the ranges of a query that is not cut: only their numbers of rows are known."""
    full, rest = divmod(rows, rows_per_file)
    counts = [rows_per_file] * full + ([rest] if rest or not full else [])
    return [RowRange(count, None, None) for count in counts]


def check_files(name: str, rows: int, rows_per_file: int) -> None:
    """Refuse an export that would need more than :data:`MOST_FILES` files.

    :raises TooManyFilesError: with the smallest ``max_rows_per_file`` that would do.
    """
    files = -(-rows // rows_per_file)
    if files > MOST_FILES:
        raise TooManyFilesError(
            f"export {name}: {rows:,} rows with max_rows_per_file {rows_per_file} would be {files:,} files, an export "
            f"has at most {MOST_FILES:,}; set max_rows_per_file to {-(-rows // MOST_FILES)} or more"
        )


def keys_of(run: ExportRun, options: ExportOptions, name: str, ranges: Sequence[RowRange]) -> Iterator[str]:
    """Yield the key of each range's file; none for an empty result that is to be skipped.

    :raises EmptyExportError: the result is empty and must not be.
    """
    if sum(each.rows for each in ranges) == 0:
        if options.empty == "fail":
            raise EmptyExportError(f"export {name}: the result is empty, which its policy forbids (empty='fail')")
        if options.empty == "skip":
            return
    for index in range(len(ranges)):
        yield render_key(options.key_template, run, file_name(name, index, options.ending))
