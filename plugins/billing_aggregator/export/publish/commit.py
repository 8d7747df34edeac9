"""Publishes a run: one lock, one check of everything, then one commit.

1. *lock* the prefix;
2. *look*: is this run published already? has another run published since this one was planned?
3. *verify*: the parts that lie in the store are those that the tasks wrote; the rows and sums in the database are still
   those of the plan;
4. *complete* all uploads, side by side;
5. *remove* files that an earlier publication has and this one has not;
6. *commit*: write the manifest under the condition that it is still the one of step 2;
7. *list*: write the lists that warehouses load from, where the options want them;
8. *release* the lock.

Each step can be repeated, so a publisher that dies anywhere is simply run again. Where the earlier publication has no
versions of its files, steps 5 and 6 change places: its readers keep their files until the manifest names the new ones.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import PreconditionFailedError, PublicationSupersededError
from billing_aggregator.export.manifest import Manifest, read_published
from billing_aggregator.export.plan.staging import drop_staging
from billing_aggregator.export.publish.consistency import (
    check_base,
    check_newer,
    is_repeated,
    same_run,
    states_by_plan,
)
from billing_aggregator.export.publish.load_lists import write_load_lists
from billing_aggregator.export.publish.lock import TIME_TO_LIVE, WAIT_SECONDS, PublishLock
from billing_aggregator.export.publish.manifest_contents import kept_exports, new_manifest
from billing_aggregator.export.publish.source_check import verify_source
from billing_aggregator.export.publish.stale_files import stale_keys
from billing_aggregator.export.publish.uploads import complete_upload, each, planned_chunks, verify_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.manifest import Published
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.postgres.protocols import Connection

LOG = logging.getLogger(__name__)


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
    connect: Callable[[], Connection],
    store: Store,
    plans: Sequence[ExportPlan],
    states: Sequence[ChunkState],
    *,
    timeout: float,
    keep: Collection[str] = (),
    lock_ttl: float = TIME_TO_LIVE,
    lock_wait: float = WAIT_SECONDS,
    over_newer: bool = True,
) -> Publication:
    """Publish the exports of one run, all or nothing.

    :param connect: returns a connection of its own for each call; it is closed here.
    :param plans: the plans of all exports of the run.
    :param states: the states of all their chunks, in any order.
    :param timeout: seconds for each SQL statement; 0 means none.
    :param keep: exports that this run leaves out on purpose: their files stay, and the manifest goes on naming them.
        Any other export of the earlier manifest that has no plan is gone.
    :param over_newer: publish also where another run has published a newer business date.
    :raises ExportSourceChangedError: a relation is not as it was planned.
    :raises UploadError: stored parts are not what the tasks wrote.
    :raises PublicationInProgressError: another run is publishing.
    :raises PublicationSupersededError: another run has published since the plans were made, or a newer business date.
    """
    run = same_run(plans)
    by_plan = states_by_plan(plans, states)
    store.use(plans[0].options)
    with PublishLock(store, run, ttl=lock_ttl, wait=lock_wait) as lock:
        earlier = read_published(store, run.manifest_key)
        if earlier.manifest is not None and is_repeated(earlier.manifest, plans, by_plan, keep):
            LOG.info("run %s is published already", run.run_id)
            removed = _remove_stale(store, plans, earlier.manifest, earlier.manifest)
            publication = Publication(earlier.manifest, run.manifest_key, removed, repeated=True)
        else:
            if not over_newer:
                check_newer(earlier.manifest, run)
            check_base(earlier, plans)
            totals = _verify(connect, store, plans, by_plan, timeout)
            lock.renew()
            stored = each(lambda item: complete_upload(store, *item), planned_chunks(plans, by_plan))
            lock.renew()
            manifest = new_manifest(plans, by_plan, totals, stored, kept_exports(earlier.manifest, plans, keep))
            removed = _commit(store, plans, earlier, manifest)
            publication = Publication(manifest, run.manifest_key, removed, repeated=False)
        _list(lock, store, plans, publication.manifest)
    for plan in plans:
        _drop(connect, plan, timeout)
    return publication


def _verify(
    connect: Callable[[], Connection],
    store: Store,
    plans: Sequence[ExportPlan],
    by_plan: dict[str, list[ChunkState]],
    timeout: float,
) -> list[dict[str, str]]:
    """Compare what lies in the store with what the tasks wrote, then the rows with the plans; return the totals."""
    each(lambda item: verify_upload(store, *item), planned_chunks(plans, by_plan))
    return [verify_source(connect, plan, by_plan[plan.name], timeout=timeout) for plan in plans]


def _commit(store: Store, plans: Sequence[ExportPlan], earlier: Published, manifest: Manifest) -> tuple[str, ...]:
    """Remove stale files and write the manifest; return the keys that were removed.

    In a versioned bucket removed files stay readable by version, so the folder is tidied first and the manifest ends
    the publication. Without versions, readers of the earlier manifest keep its files until the new manifest is there.
    """
    key = plans[0].run.manifest_key
    if earlier.manifest is None or earlier.manifest.has_versions:
        removed = _remove_stale(store, plans, earlier.manifest, manifest)
        _put_manifest(store, manifest, key, earlier.etag)
    else:
        _put_manifest(store, manifest, key, earlier.etag)
        removed = _remove_stale(store, plans, earlier.manifest, manifest)
    return removed


def _list(lock: PublishLock, store: Store, plans: Sequence[ExportPlan], manifest: Manifest) -> None:
    """Write the load lists; a publisher that has lost its lock must not write over those of a newer publication."""
    if any(plan.options.load_lists for plan in plans):
        lock.renew()
    write_load_lists(store, manifest, plans)


def _remove_stale(
    store: Store, plans: Sequence[ExportPlan], earlier: Manifest | None, new: Manifest
) -> tuple[str, ...]:
    stale = stale_keys(store, plans, earlier, new)
    store.remove(stale)
    return tuple(stale)


def _drop(connect: Callable[[], Connection], plan: ExportPlan, timeout: float) -> None:
    """Drop the plan's frozen copy; what is published stays published if that fails."""
    if not plan.source.staging:
        return
    try:
        with closing(connect()) as connection:
            drop_staging(connection, plan.source, timeout=timeout, every_try=True)
    except Exception as error:
        LOG.warning("%s could not be dropped, the sweep will: %s", plan.source.relation.sql, error)


def _put_manifest(store: Store, manifest: Manifest, key: str, expected: str | None) -> None:
    """Write the manifest if it is still the one that was looked at; recognise a lost reply by reading it back."""
    try:
        store.put_if(key, manifest.body(), expected)
    except PreconditionFailedError:
        now = read_published(store, key).manifest
        if now != manifest:
            raise PublicationSupersededError(
                f"run {now.run_id if now else '?'} has published to {store.url(key)} in the middle of this publication"
            ) from None
        LOG.info("the manifest was written, its reply was lost")
