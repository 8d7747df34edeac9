"""Exports chunks: one COPY over neighbouring chunks, rows cut exactly, bytes into the uploads that the plan opened.

A repeated task writes the same parts of the same uploads again. The same rows give the same bytes, so it does not
matter which attempt a part comes from, and nothing has to be found or aborted first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.export.copy.copy_stream import stream_copy
from billing_aggregator.export.copy.file_cutter import FileCutter
from billing_aggregator.export.copy.part_sender import FileUpload, PartSender
from billing_aggregator.export.copy.progress import CopyProgress
from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.relation import lock_relation
from billing_aggregator.export.plan.source import tid_range
from billing_aggregator.export.store.protocol import Part
from billing_aggregator.export.transaction import fetch_one, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.export.plan.export_plan import Chunk, ExportPlan
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.postgres.protocols import Connection, Cursor


#: The server ends a session whose client has not read its rows for so long: the client's machine is lost. Linux alone
#: would take a quarter of an hour. Not much shorter, for a client that waits for S3 looks the same.
UNREAD_SECONDS = 120


@dataclass(frozen=True)
class ChunkState:
    """A chunk that has been written to its upload completely.

    :param index: the chunk's number in its export.
    :param rows: rows, as counted on the wire.
    :param size: bytes of the file, after compression.
    :param sha256: of the file's bytes, hexadecimal.
    :param parts: what the store answered.
    :param totals: control totals of the chunk's rows by the database; None if they were not asked for.
    :param seconds: from the first to the last row.
    """

    export: str
    index: int
    rows: int
    size: int
    sha256: str
    parts: tuple[Part, ...]
    totals: dict[str, str] | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain values, e.g. for an XCom."""
        return asdict(self) | {"parts": [[p.number, p.size, p.etag, p.crc32] for p in self.parts]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the state that :meth:`to_json` wrote."""
        return cls(**values | {"parts": tuple(Part(*part) for part in values["parts"])})


def export_chunks(
    connection: Connection,
    store: Store,
    plan: ExportPlan,
    indexes: Sequence[int],
    *,
    timeout: float,
) -> list[ChunkState]:
    """Export neighbouring chunks of *plan* and return their states.

    :param indexes: the chunks, ascending without a gap.
    :param timeout: seconds for each statement; 0 means none.
    :raises ExportSourceChangedError: the relation was rebuilt, or its rows are not those that were planned.
    :raises RowCountError: rows on the wire and the command tag differ.
    """
    chunks = [plan.chunks[index] for index in indexes]
    progress = CopyProgress(plan.name, sum(chunk.rows for chunk in chunks))
    options = plan.options
    store.use(options)
    with transaction(connection, statement_timeout=timeout) as cursor:
        cursor.execute(f"set local tcp_user_timeout = '{UNREAD_SECONDS}s'")
        lock_relation(cursor, plan.source.relation)
        totals = [_totals(cursor, plan, chunk) for chunk in chunks]
        statement = plan.source.copy_statement(options.dialect, chunks[0].after, chunks[-1].upto)
        with PartSender(options.upload_threads, options.part_bytes) as sender:
            cutter = FileCutter(
                [chunk.rows for chunk in chunks], partial(_open, store, plan, sender, chunks), options, progress
            )
            stream_copy(connection, statement, cutter, header=options.dialect.header)
            files = cutter.finish()
    progress.log("exported")
    return [
        ChunkState(plan.name, chunk.index, chunk.rows, done.size, done.sha256, tuple(done.parts), summed, seconds)
        for chunk, (done, seconds), summed in zip(chunks, files, totals, strict=True)
    ]


def _open(store: Store, plan: ExportPlan, sender: PartSender, chunks: Sequence[Chunk], number: int) -> FileUpload:
    upload, part_bytes = chunks[number].upload, plan.options.part_bytes
    return FileUpload(sender, lambda n, data: store.write_part(upload, n, data, part_bytes), store.url(upload.key))


def _totals(cursor: Cursor, plan: ExportPlan, chunk: Chunk) -> dict[str, str] | None:
    if not plan.options.chunk_totals:
        return None
    where = tid_range(chunk.after, chunk.upto)
    statement = f"select count(*){plan.source.totals_columns()} from only {plan.source.relation.sql}{where}"
    count, *sums = fetch_one(cursor, statement)
    if count != chunk.rows:
        raise ExportSourceChangedError(f"{plan.name}: chunk {chunk.index} has {count} rows, {chunk.rows} were planned")
    return plan.source.totals(sums)
