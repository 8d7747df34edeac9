"""The lists of files that warehouses load from: Redshift's COPY manifest, the symlink file of an Athena table.

They lie beside ``_manifest.json``, are written after it and say the same, without versions: neither format has any. A
publisher that dies in between is run again, finds its manifest and writes them then.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from billing_aggregator.config.key_template import load_list_key, load_list_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from billing_aggregator.export.manifest import Manifest, ManifestExport
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.store.protocol import Store


def write_load_lists(store: Store, manifest: Manifest, plans: Sequence[ExportPlan]) -> None:
    """Write the lists that the plans' option ``load_lists`` asks for, and remove those that no longer hold.

    May be repeated; whoever calls this holds the publication's lock.
    """
    kinds = {kind for plan in plans for kind in plan.options.load_lists}
    wanted = load_lists(manifest, kinds, store.url)
    for key, body in wanted.items():
        found = store.read(key)
        if found is None or found.body != body:
            store.put_if(key, body, found.etag if found else None)
    prefix = load_list_prefix(manifest.client, manifest.environment)
    stale = [key for key in store.keys(prefix) if key.endswith((".json", ".txt")) and key not in wanted]
    if stale:
        store.remove(stale)


def load_lists(manifest: Manifest, kinds: Collection[str], url: Callable[[str], str]) -> dict[str, bytes]:
    """Return key -> content of the lists of all exports.

    :param kinds: ``redshift`` and ``athena``.
    :param url: returns the URL of a key.
    """
    contents = {"redshift": _redshift, "athena": _athena}
    return {
        load_list_key(manifest.client, manifest.environment, kind, name): contents[kind](export, url)
        for kind in sorted(kinds)
        for name, export in manifest.exports.items()
    }


def _redshift(export: ManifestExport, url: Callable[[str], str]) -> bytes:
    """Return a COPY manifest; each file is mandatory: COPY fails where one is missing, and loads none without it."""
    entries = [{"url": url(f.key), "mandatory": True, "meta": {"content_length": f.bytes}} for f in export.files]
    return json.dumps({"entries": entries}, indent=2).encode() + b"\n"


def _athena(export: ManifestExport, url: Callable[[str], str]) -> bytes:
    """Return what ``SymlinkTextInputFormat`` reads: one URL a line."""
    return "".join(f"{url(file.key)}\n" for file in export.files).encode()
