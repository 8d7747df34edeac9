"""What a plan says of an export: its chunks with their open uploads, and by what later changes of its rows show.

Changes show by the relation's oid, file node and definition, which transactions the plan saw, the rows of each chunk.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.keys import ExportRun, file_name
from billing_aggregator.export.plan.snapshot import Snapshot
from billing_aggregator.export.plan.source import Source
from billing_aggregator.export.plan.units import MOST_UNITS, divide
from billing_aggregator.export.store.protocol import Upload


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
        """Return the units, each with the indexes of its chunks and a name for its task.

        See :func:`billing_aggregator.export.plan.units.divide`.
        """
        shares = divide(len(self.chunks), self.rows, chunks_per_unit=chunks_per_task, most=most)
        return [{"name": file_name(self.name, share[0], ""), "chunks": list(share)} for share in shares]
