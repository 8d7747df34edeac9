"""Publishes a run: one claim, one check of everything, then one commit.

1. *claim* the prefix;
2. *look*: is this run published already? has another run published since this one was planned?
3. *verify*: the parts that lie in the store are those that the tasks wrote; the rows and sums in the database are still
   those of the plan;
4. *complete* all uploads, side by side;
5. *remove* files that an earlier publication has and this one has not;
6. *commit*: write the manifest under the condition that it is still the one of step 2;
7. *release* the claim.

Each step can be repeated, so a publisher that dies anywhere is simply run again. Where the earlier publication has no
versions of its files, steps 5 and 6 change places: its readers keep their files until the manifest names the new ones.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from billing_aggregator.export.claim import TIME_TO_LIVE, WAIT_SECONDS, Claim
from billing_aggregator.export.contents import kept_exports, new_manifest
from billing_aggregator.export.errors import (
    PreconditionFailedError,
    PublicationSupersededError,
    UploadError,
    UploadGoneError,
)
from billing_aggregator.export.manifest import Manifest, read_manifest
from billing_aggregator.export.staging import drop_staging
from billing_aggregator.export.stale import stale_keys
from billing_aggregator.export.verify import verify_source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from billing_aggregator.export.chunk import ChunkState
    from billing_aggregator.export.plan import Chunk, Plan
    from billing_aggregator.export.store import Store, Stored

LOG = logging.getLogger(__name__)
COMPLETERS = 8
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Publication:
    """What a publisher did.

    :param manifest: what is published now.
    :param manifest_key: where it says so.
    :param removed: keys of an earlier publication that were removed.
    :param repeated: the run had been published before; nothing was done.
    """

    manifest: Manifest
    manifest_key: str
    removed: tuple[str, ...]
    repeated: bool


def publish(
    connect: Callable[[], Any],
    store: Store,
    plans: Sequence[Plan],
    states: Sequence[ChunkState],
    *,
    timeout: float,
    keep: Collection[str] = (),
    claim_ttl: float = TIME_TO_LIVE,
    claim_wait: float = WAIT_SECONDS,
) -> Publication:
    """Publish the exports of one run, all or nothing.

    :param connect: returns a connection of its own for each call; it is closed here.
    :param plans: the plans of all exports of the run.
    :param states: the states of all their chunks, in any order.
    :param timeout: seconds for each SQL statement; 0 means none.
    :param keep: exports that this run leaves out on purpose: their files stay, and the manifest goes on naming them.
        Any other export of the earlier manifest that has no plan is gone.
    :raises ExportSourceChangedError: a relation is not as it was planned.
    :raises UploadError: stored parts are not what the tasks wrote.
    :raises PublicationInProgressError: another run is publishing.
    :raises PublicationSupersededError: another run has published since the plans were made.
    """
    run = _same_run(plans)
    by_plan = _sort(plans, states)
    with Claim(store, run, ttl=claim_ttl, wait=claim_wait) as claim:
        found = store.read(run.manifest_key)
        earlier = read_manifest(found, store.url(run.manifest_key))
        if earlier is not None and _published(earlier, plans, by_plan, keep):
            LOG.info("run %s is published already", run.run_id)
            publication = Publication(
                earlier, run.manifest_key, _remove_stale(store, plans, earlier, earlier), repeated=True
            )
        else:
            etag = found.etag if found else None
            _check_base(earlier, etag, plans)
            _each(lambda item: _verify_upload(store, *item), _uploads(plans, by_plan))
            totals = [verify_source(connect, plan, by_plan[plan.name], timeout=timeout) for plan in plans]
            claim.check()
            stored = _each(lambda item: _complete(store, *item), _uploads(plans, by_plan))
            claim.check()
            manifest = new_manifest(plans, by_plan, totals, stored, kept_exports(earlier, plans, keep))
            removed = _commit(store, plans, earlier, manifest, etag)
            publication = Publication(manifest, run.manifest_key, removed, repeated=False)
    for plan in plans:
        _drop(connect, plan, timeout)
    return publication


def _commit(
    store: Store, plans: Sequence[Plan], earlier: Manifest | None, manifest: Manifest, etag: str | None
) -> tuple[str, ...]:
    """Remove stale files and write the manifest; return the keys that were removed.

    In a versioned bucket removed files stay readable by version, so the folder is tidied first and the manifest ends
    the publication. Without versions, readers of the earlier manifest keep its files until the new manifest is there.
    """
    key = plans[0].run.manifest_key
    versioned = earlier is None or all(f.version_id for e in earlier.exports.values() for f in e.files)
    if versioned:
        removed = _remove_stale(store, plans, earlier, manifest)
        _put_manifest(store, manifest, key, etag)
    else:
        _put_manifest(store, manifest, key, etag)
        removed = _remove_stale(store, plans, earlier, manifest)
    return removed


def _remove_stale(store: Store, plans: Sequence[Plan], earlier: Manifest | None, new: Manifest) -> tuple[str, ...]:
    stale = stale_keys(store, plans, earlier, new)
    store.remove(stale)
    return tuple(stale)


def _drop(connect: Callable[[], Any], plan: Plan, timeout: float) -> None:
    """Drop the plan's frozen copy; what is published stays published if that fails."""
    if not plan.source.staging:
        return
    try:
        with closing(connect()) as connection:
            drop_staging(connection, plan.source, timeout=timeout)
    except Exception as error:
        LOG.warning("%s could not be dropped, the sweep will: %s", plan.source.relation.sql, error)


def _same_run(plans: Sequence[Plan]) -> Any:
    if not plans:
        raise UploadError("there is no plan to publish")
    first = plans[0].run
    for plan in plans:
        if plan.run != first:
            raise UploadError(f"export {plan.name} was planned for {plan.run}, export {plans[0].name} for {first}")
    names = [plan.name for plan in plans]
    keys = [chunk.upload.key for plan in plans for chunk in plan.chunks]
    for kind, values in (("export", names), ("key", keys)):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise UploadError(f"planned more than once: {kind} {', '.join(twice)}")
    return first


def _sort(plans: Sequence[Plan], states: Sequence[ChunkState]) -> dict[str, list[ChunkState]]:
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


def _published(
    earlier: Manifest, plans: Sequence[Plan], by_plan: dict[str, list[ChunkState]], keep: Collection[str]
) -> bool:
    """Tell whether *earlier* is this very publication: same run, same files."""
    if earlier.run_id != plans[0].run.run_id:
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


def _check_base(earlier: Manifest | None, etag: str | None, plans: Sequence[Plan]) -> None:
    """Refuse to overwrite what another run has published since these plans were made."""
    if earlier is not None and earlier.run_id == plans[0].run.run_id:
        return
    late = [plan.name for plan in plans if plan.base != etag]
    if late:
        other = earlier.run_id if earlier else "nobody (the manifest was removed)"
        raise PublicationSupersededError(
            f"published since {', '.join(late)} was planned: run {other}; to publish this run all the same, "
            "run it again from its plans"
        )


def _uploads(plans: Sequence[Plan], by_plan: dict[str, list[ChunkState]]) -> list[tuple[Chunk, ChunkState]]:
    return [pair for plan in plans for pair in zip(plan.chunks, by_plan[plan.name], strict=True)]


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do *work* for all items side by side; all have ended when it returns or raises the first error."""
    with ThreadPoolExecutor(COMPLETERS, thread_name_prefix="publish") as pool:
        futures = [pool.submit(work, item) for item in items]
    return [future.result() for future in futures]


def _verify_upload(store: Store, chunk: Chunk, state: ChunkState) -> None:
    """Compare the parts that the store lists with those that the task wrote."""
    listed = store.parts(chunk.upload)
    if listed is None:
        if store.completed(chunk.upload, state.size, state.sha256) is None:
            raise UploadGoneError(
                f"{store.url(chunk.upload.key)}: the upload was aborted; run the export again from its plan"
            )
        return
    there = {part.number: part for part in listed}
    for part in state.parts if listed and listed[0].etag else ():
        found = there.get(part.number)
        same = found is not None and found.size == part.size and found.etag == part.etag
        if not same or (found and found.crc32 and found.crc32 != part.crc32):
            raise UploadError(f"{store.url(chunk.upload.key)}: part {part.number} is {found}, the task wrote {part}")
    if sum(part.size for part in state.parts) != state.size:
        raise UploadError(f"{store.url(chunk.upload.key)}: its parts do not have {state.size} bytes")


def _complete(store: Store, chunk: Chunk, state: ChunkState) -> Stored:
    """Complete an upload; one that is no more may have been completed by an earlier try or with a lost reply."""
    version = None
    try:
        version = store.complete(chunk.upload, list(state.parts))
    except UploadGoneError:
        LOG.info("%s is completed already", chunk.upload.key)
    stored = store.completed(chunk.upload, state.size, state.sha256, version)
    if stored is None:
        raise UploadGoneError(
            f"{store.url(chunk.upload.key)} is not what this run wrote; run the export again from its plan"
        )
    return stored


def _put_manifest(store: Store, manifest: Manifest, key: str, expected: str | None) -> None:
    """Write the manifest if it is still the one that was looked at; recognise a lost reply by reading it back."""
    try:
        store.put_if(key, manifest.body(), expected)
    except PreconditionFailedError:
        now = read_manifest(store.read(key), store.url(key))
        if now != manifest:
            raise PublicationSupersededError(
                f"run {now.run_id if now else '?'} has published to {store.url(key)} in the middle of this publication"
            ) from None
        LOG.info("the manifest was written, its reply was lost")
