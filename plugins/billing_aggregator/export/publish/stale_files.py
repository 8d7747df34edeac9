"""Finds the files of earlier publications that a new one does not have.

Only two kinds of keys are ever removed: numbered files of the same exports at this run's own keys, and, where every run
writes to the same keys, files that the earlier manifest names. Anything else in the bucket is somebody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.key_template import keeps_history
from billing_aggregator.export.keys import is_file_of, looks_like_a_file, render_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store


def stale_keys(store: Store, plans: Sequence[ExportPlan], earlier: Manifest | None, new: Manifest) -> list[str]:
    """Return the keys to remove, sorted."""
    found: set[str] = set()
    for plan in plans:
        stem = render_key(plan.options.key_template, plan.run, plan.name)
        found.update(key for key in store.keys(f"{stem}_") if is_file_of(key, stem))
    if earlier is not None and not any(keeps_history(plan.options.key_template) for plan in plans):
        found.update(key for key in earlier.keys if looks_like_a_file(key))
    return sorted(found - new.keys)
