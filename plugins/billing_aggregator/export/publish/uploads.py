"""The uploads of a run at its publication: compared with what the tasks wrote, then completed, side by side."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from billing_aggregator.export.errors import UploadError, UploadGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.plan.export_plan import Chunk, ExportPlan
    from billing_aggregator.export.store.protocol import Store, StoredFile

LOG = logging.getLogger(__name__)
COMPLETERS = 8
T = TypeVar("T")
R = TypeVar("R")


def planned_chunks(plans: Sequence[ExportPlan], by_plan: dict[str, list[ChunkState]]) -> list[tuple[Chunk, ChunkState]]:
    """Return each planned chunk with its state."""
    return [pair for plan in plans for pair in zip(plan.chunks, by_plan[plan.name], strict=True)]


def each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do *work* for all items side by side; all have ended when it returns or raises the first error."""
    with ThreadPoolExecutor(COMPLETERS, thread_name_prefix="publish") as pool:
        futures = [pool.submit(work, item) for item in items]
    return [future.result() for future in futures]


def verify_upload(store: Store, chunk: Chunk, state: ChunkState) -> None:
    """Compare the parts that the store lists with those that the task wrote."""
    listed = store.parts(chunk.upload)
    if listed is None:
        if store.completed(chunk.upload, state.size, state.sha256) is None:
            raise UploadGoneError(f"{store.url(chunk.upload.key)}: the upload was aborted")
        return
    there = {part.number: part for part in listed}
    for part in state.parts if listed and listed[0].etag else ():
        found = there.get(part.number)
        same = found is not None and found.size == part.size and found.etag == part.etag
        if not same or (found and found.crc32 and found.crc32 != part.crc32):
            raise UploadError(f"{store.url(chunk.upload.key)}: part {part.number} is {found}, the task wrote {part}")
    if sum(part.size for part in state.parts) != state.size:
        raise UploadError(f"{store.url(chunk.upload.key)}: its parts do not have {state.size} bytes")


def complete_upload(store: Store, chunk: Chunk, state: ChunkState) -> StoredFile:
    """Complete an upload; one that is gone may have been completed by an earlier attempt whose reply was lost."""
    version = None
    try:
        version = store.complete(chunk.upload, list(state.parts))
    except UploadGoneError:
        LOG.info("%s is completed already", chunk.upload.key)
    stored = store.completed(chunk.upload, state.size, state.sha256, version)
    if stored is None:
        raise UploadGoneError(f"{store.url(chunk.upload.key)} is not what this run wrote")
    return stored
