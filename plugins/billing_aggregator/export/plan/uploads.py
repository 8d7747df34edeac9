"""Starts an export's uploads side by side: all of them, or none."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.store.protocol import Store, Upload

STARTERS = 8


def start_uploads(store: Store, options: ExportOptions, keys: Sequence[str]) -> list[Upload]:
    """Start an upload for each key; if one fails, those that were started are aborted."""
    with ThreadPoolExecutor(STARTERS, thread_name_prefix="start") as pool:
        futures = [pool.submit(store.start, key, uuid.uuid4().hex, options) for key in keys]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            _abort(store, [f.result() for f in futures if not f.cancelled() and f.exception() is None])
            raise


def _abort(store: Store, uploads: Sequence[Upload]) -> None:
    def abort(upload: Upload) -> None:
        with suppress(Exception):
            store.abort(upload)

    with ThreadPoolExecutor(STARTERS, thread_name_prefix="abort") as pool:
        list(pool.map(abort, uploads))
