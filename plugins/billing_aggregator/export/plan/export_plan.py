"""Plans an export once: cuts a relation at exact rows and opens an upload for each file.

The plan's transaction locks the relation, takes one snapshot and walks over the pages with a cursor: ``MOVE`` counts
rows on the server and costs a tenth of reading them. What the plan records makes later changes visible: the
relation's oid, file node and definition, which transactions it saw, the rows of each file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.export.errors import EmptyExportError
from billing_aggregator.export.keys import ExportRun, file_name, render_key
from billing_aggregator.export.plan.limits import MOST_UNITS, check_files, divide
from billing_aggregator.export.plan.snapshot import Snapshot
from billing_aggregator.export.plan.source import Source
from billing_aggregator.export.session import fetch_one
from billing_aggregator.export.store.protocol import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.postgres.protocols import Cursor

MOVED = "MOVE "


@dataclass(frozen=True)
class Chunk:
    """One file: the rows behind tuple *after* up to *upto* (None: open), and the upload that will hold them."""

    index: int
    rows: int
    after: str | None
    upto: str | None
    upload: Upload


@dataclass(frozen=True)
class ExportPlan:
    """One export of one run.

    :param name: the export, e.g. ``tripica_results`` or ``customer/oibl``.
    :param run: whose publication it is for.
    :param options: how the files are to be.
    :param source: relation and columns.
    :param snapshot: what was visible.
    :param rows: rows in all.
    :param chunks: the files, in order.
    :param base: etag of the manifest that was there when the export was planned; None for none.
    """

    name: str
    run: ExportRun
    options: ExportOptions
    source: Source
    snapshot: Snapshot
    rows: int
    chunks: tuple[Chunk, ...]
    base: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values, e.g. for an XCom."""
        return {
            "name": self.name,
            "run": self.run.to_json(),
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "source": self.source.to_json(),
            "snapshot": asdict(self.snapshot),
            "rows": self.rows,
            "chunks": [asdict(chunk) for chunk in self.chunks],
            "base": self.base,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the plan that :meth:`to_json` wrote."""
        return cls(
            name=values["name"],
            run=ExportRun.from_json(values["run"]),
            options=ExportOptions.model_validate(values["options"]),
            source=Source.from_json(values["source"]),
            snapshot=Snapshot.from_json(values["snapshot"]),
            rows=values["rows"],
            chunks=tuple(Chunk(**chunk | {"upload": Upload(**chunk["upload"])}) for chunk in values["chunks"]),
            base=values["base"],
        )

    def units(self, chunks_per_task: int | None = None, most: int = MOST_UNITS) -> list[dict[str, Any]]:
        """Return the work of each task: neighbouring chunks by index, and a name for the task.

        See :func:`billing_aggregator.export.plan.limits.divide`.
        """
        shares = divide(len(self.chunks), self.rows, files_per_unit=chunks_per_task, most=most)
        return [{"name": file_name(self.name, share[0], ""), "chunks": list(share)} for share in shares]


@dataclass(frozen=True)
class Cut:
    """A file's place in the relation."""

    rows: int
    after: str | None
    upto: str | None


def cut_relation(cursor: Cursor, source: Source, rows_per_file: int, name: str) -> list[Cut]:
    """Return the cuts of the relation, in physical order; at least one, which may be empty.

    The last cut is open at its end: rows that somebody appends later are noticed by the COPY's count.

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
    return [Cut(*cut) for cut in zip(counts, starts, [*ends, None], strict=True)]


def _move(cursor: Cursor, rows: int | Literal["all"]) -> int:
    """Move over *rows* rows; return how many there were. ``MOVE 0`` would stay on the row and count it again."""
    if not rows:
        return 0
    cursor.execute(f"move forward {rows} in bda_cut")
    return int((cursor.statusmessage or "").removeprefix(MOVED))


def keys_of(run: ExportRun, options: ExportOptions, name: str, cuts: list[Cut]) -> Iterator[str]:
    """Yield the key of each cut's file; none for an empty result that is to be skipped.

    :raises EmptyExportError: the result is empty and must not be.
    """
    if sum(cut.rows for cut in cuts) == 0:
        if options.empty == "fail":
            raise EmptyExportError(f"export {name}: the result is empty, which its policy forbids (empty='fail')")
        if options.empty == "skip":
            return
    for index in range(len(cuts)):
        yield render_key(options.key_template, run, file_name(name, index, options.ending))
