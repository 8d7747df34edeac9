"""Aborts the uploads that failed and forgotten runs have left open."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import ManifestError
from billing_aggregator.export.keys import is_file_of, render_key
from billing_aggregator.export.manifest import read_published

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store

LOG = logging.getLogger(__name__)
ABORTERS = 8
DAY = 86_400.0


def abort_run(store: Store, plans: Sequence[ExportPlan]) -> int:
    """Abort the uploads of *plans* that are still open; return how many there were. Completed ones are not touched."""
    uploads = [chunk.upload for plan in plans for chunk in plan.chunks]
    if plans:
        store.use(plans[0].options)
    with ThreadPoolExecutor(ABORTERS, thread_name_prefix="abort") as pool:
        aborted = sum(pool.map(store.abort, uploads))
    LOG.info("aborted %d of %d uploads", aborted, len(uploads))
    return aborted


def is_published(store: Store, plans: Sequence[ExportPlan]) -> bool:
    """Tell whether the manifest names the plans' run."""
    if not plans:
        return False
    run = plans[0].run
    store.use(plans[0].options)
    try:
        manifest = read_published(store, run.manifest_key).manifest
    except ManifestError:
        return False
    return manifest is not None and manifest.is_of(run)


def abort_other(store: Store, run: ExportRun, key_template: str, export: str, *, older_than: float = -1) -> int:
    """Abort the open uploads of an export at *run*'s keys, which another plan has left; return how many there were.

    The caller makes sure that no other run exports to these keys at the moment.

    :param older_than: seconds; a younger upload may be of a later plan than the caller's. The default takes all.
    """
    stem = render_key(key_template, run, export)
    found = [upload for upload, age in list(store.open_uploads(f"{stem}_"))
             if age > older_than and is_file_of(upload.key, stem)]  # fmt: skip
    aborted = sum(store.abort(upload) for upload in found)
    if aborted:
        LOG.info("aborted %d uploads of another plan of %s", aborted, export)
    return aborted


def sweep_uploads(store: Store, prefix: str, *, older_than: float = DAY, keep: Collection[str] = ()) -> list[str]:
    """Abort the open uploads below *prefix* that are older than so many seconds; return their keys.

    :param prefix: a client's and environment's own prefix, e.g. ``enercity/prod/``; never empty.
    :param keep: upload ids of a run that may be continued, however old they are.
    """
    if not prefix.strip("/"):
        raise ValueError("an empty prefix would abort the uploads of everybody who uses this bucket")
    aborted = []
    for upload, age in list(store.open_uploads(prefix)):
        if age > older_than and upload.upload_id not in keep and store.abort(upload):
            aborted.append(upload.key)
    LOG.info("aborted %d forgotten uploads below %s", len(aborted), store.url(prefix))
    return sorted(aborted)
