"""What a publication's manifest says: this run's exports, and those that it leaves out and keeps."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from billing_aggregator.export.manifest import KeptFrom, Manifest, ManifestColumn, ManifestExport, ManifestFile

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.plan.export_plan import Chunk, ExportPlan
    from billing_aggregator.export.store.protocol import StoredFile


def new_manifest(
    plans: Sequence[ExportPlan],
    by_plan: dict[str, list[ChunkState]],
    totals: Sequence[dict[str, str]],
    stored: Sequence[StoredFile],
    kept: dict[str, ManifestExport],
) -> Manifest:
    """Return the manifest of this publication.

    :param by_plan: the states of each export's chunks, in the order of the chunks.
    :param totals: control totals of each plan, exact text.
    :param stored: what the store says of each file, in the order of plans and chunks.
    :param kept: exports that this run leaves out and that stay published.
    """
    files = deque(stored)
    exports = dict(kept)
    for plan, sums in zip(plans, totals, strict=True):
        exports[plan.name] = ManifestExport(
            columns=[column.name for column in plan.source.columns],
            column_details=_details(plan),
            rows=plan.rows,
            control_totals=sums,
            csv={"compression": plan.options.compression, "encoding": "UTF-8", **plan.options.dialect.told()},
            files=[
                _file(chunk, state, files.popleft())
                for chunk, state in zip(plan.chunks, by_plan[plan.name], strict=True)
            ],
        )
    run = plans[0].run
    return Manifest(
        run_id=run.run_id,
        run_tag=run.tag,
        client=run.client,
        environment=run.environment,
        business_date=run.business_date,
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
        exports=dict(sorted(exports.items())),
    )


def _details(plan: ExportPlan) -> list[ManifestColumn]:
    """Return types and meanings; none of a plan that an earlier version has made, which knew no types."""
    if not all(column.type for column in plan.source.columns):
        return []
    return [
        ManifestColumn(name=c.name, type=c.type, nullable=c.nullable, description=c.description)
        for c in plan.source.columns
    ]


def _file(chunk: Chunk, state: ChunkState, stored: StoredFile) -> ManifestFile:
    return ManifestFile(
        key=chunk.upload.key,
        version_id=stored.version_id,
        rows=state.rows,
        bytes=stored.size,
        sha256=state.sha256,
        etag=stored.etag,
    )


def kept_exports(
    earlier: Manifest | None, plans: Sequence[ExportPlan], keep: Collection[str]
) -> dict[str, ManifestExport]:
    """Return the exports of *earlier* that this run leaves out and that stay published."""
    if earlier is None:
        return {}
    origin = KeptFrom(run_id=earlier.run_id, business_date=earlier.business_date)
    names = set(keep) - {plan.name for plan in plans}
    return {
        name: export if export.kept_from else export.model_copy(update={"kept_from": origin})
        for name, export in earlier.exports.items()
        if name in names
    }
