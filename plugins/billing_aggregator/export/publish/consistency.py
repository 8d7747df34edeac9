"""Whether plans, the tasks' states and the earlier publication go together, before anything is changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import PublicationSupersededError, UploadError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.manifest import Manifest, Published
    from billing_aggregator.export.plan.export_plan import ExportPlan


def same_run(plans: Sequence[ExportPlan]) -> ExportRun:
    """Return the run that all plans are for; raises UploadError for several, and for exports or keys planned twice."""
    if not plans:
        raise UploadError("there is no plan to publish")
    first = plans[0].run
    for plan in plans:
        if plan.run != first:
            raise UploadError(f"export {plan.name} was planned for {plan.run}, export {plans[0].name} for {first}")
    names = [plan.name for plan in plans]
    keys = [chunk.upload.key for plan in plans for chunk in plan.chunks]
    for kind, values in (("export", names), ("key", keys)):
        if twice := sorted(value for value, times in Counter(values).items() if times > 1):
            raise UploadError(f"planned more than once: {kind} {', '.join(twice)}")
    return first


def states_by_plan(plans: Sequence[ExportPlan], states: Sequence[ChunkState]) -> dict[str, list[ChunkState]]:
    """Return each export's states in the order of its chunks; there is exactly one for each chunk."""
    found = {(state.export, state.index): state for state in states}
    wanted = {(plan.name, chunk.index) for plan in plans for chunk in plan.chunks}
    if set(found) != wanted or len(states) != len(wanted):
        missing = sorted(wanted - set(found)) or sorted(set(found) - wanted) or "some twice"
        raise UploadError(f"the exported chunks are not those that were planned: {missing}; run the export tasks again")
    by_plan = {plan.name: [found[plan.name, chunk.index] for chunk in plan.chunks] for plan in plans}
    for plan in plans:
        for chunk, state in zip(plan.chunks, by_plan[plan.name], strict=True):
            if state.rows != chunk.rows:
                raise UploadError(f"{chunk.upload.key}: {state.rows} rows were exported, {chunk.rows} planned")
    return by_plan


def is_repeated(
    earlier: Manifest, plans: Sequence[ExportPlan], by_plan: dict[str, list[ChunkState]], keep: Collection[str]
) -> bool:
    """Tell whether *earlier* is this very publication: same run, same files."""
    if not earlier.is_of(plans[0].run):
        return False
    own = {name: export for name, export in earlier.exports.items() if export.kept_from is None}
    there = {(name, file.key, file.sha256) for name, export in own.items() for file in export.files}
    wanted = {
        (plan.name, chunk.upload.key, state.sha256)
        for plan in plans
        for chunk, state in zip(plan.chunks, by_plan[plan.name], strict=True)
    }
    same = there == wanted and set(own) == {plan.name for plan in plans}
    return same and set(earlier.exports) - set(own) <= set(keep)


def check_newer(earlier: Manifest | None, run: ExportRun) -> None:
    """Refuse to put an older business date in the place of a newer one that another run has published."""
    if earlier is not None and not earlier.is_of(run) and earlier.business_date > run.business_date:
        raise PublicationSupersededError(
            f"run {earlier.run_id} has published business date {earlier.business_date}, this run is for "
            f"{run.business_date}: readers would get older data; to publish the older day all the same, trigger a run "
            f"with the param business_date = {run.business_date}"
        )


def check_base(published: Published, plans: Sequence[ExportPlan]) -> None:
    """Refuse to overwrite what another run has published since these plans were made."""
    earlier, etag = published
    if earlier is not None and earlier.is_of(plans[0].run):
        return
    outdated = [plan.name for plan in plans if plan.base != etag]
    if outdated:
        other = earlier.run_id if earlier else "nobody (the manifest was removed)"
        raise PublicationSupersededError(
            f"published since {', '.join(outdated)} was planned: run {other}; to publish this run all the same, "
            "run it again from its plans"
        )
