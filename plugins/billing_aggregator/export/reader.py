"""Reads a publication the way its consumers should: from the manifest, by version, every byte checked."""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.manifest import Manifest, ManifestExport, ManifestFile, read_manifest
from billing_aggregator.export.verify import EXACT

if TYPE_CHECKING:
    from billing_aggregator.export.store import Store

GZIP_WINDOW = 31


def current_manifest(store: Store, client: str, environment: str) -> Manifest | None:
    """Return what is published for a client and environment, or None."""
    key = f"{client}/{environment}/_manifest.json"
    return read_manifest(store.read(key), store.url(key))


def read_file(store: Store, file: ManifestFile) -> bytes:
    """Return a file's bytes as they are stored.

    :raises UploadError: they are not those that the manifest describes (without versions: a publication is under way).
    """
    data = b"".join(store.chunks(file.key, file.version_id))
    if len(data) != file.bytes or hashlib.sha256(data).hexdigest() != file.sha256:
        raise UploadError(f"{store.url(file.key)} is not the file that the manifest names")
    return data


def read_csv(store: Store, export: ManifestExport, file: ManifestFile) -> bytes:
    """Return a file's CSV, uncompressed."""
    data = read_file(store, file)
    compression = export.csv["compression"]
    if compression == "gzip":
        return zlib.decompress(data, GZIP_WINDOW)
    if compression == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def check_publication(store: Store, manifest: Manifest) -> None:
    """Read every file again and compare bytes, rows and control totals with the manifest; slow, and owes nothing to
    what the export counted.

    :raises UploadError: something differs.
    """  # noqa: D205
    for name, export in manifest.exports.items():
        rows = 0
        sums = {column: Decimal(0) for column in export.control_totals}
        for file in export.files:
            counted = _add(export, read_csv(store, export, file), sums)
            if counted != file.rows:
                raise UploadError(f"{store.url(file.key)} has {counted} rows, the manifest says {file.rows}")
            rows += counted
        if rows != export.rows:
            raise UploadError(f"export {name} has {rows} rows, the manifest says {export.rows}")
        for column, total in export.control_totals.items():
            if EXACT.compare(sums[column], Decimal(total)) != 0 and not Decimal(total).is_nan():
                raise UploadError(f"export {name}: {column} adds up to {sums[column]}, the manifest says {total}")


def _add(export: ManifestExport, data: bytes, sums: dict[str, Decimal]) -> int:
    records = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=export.csv["delimiter"])
    if export.csv["header"] and next(records) != export.columns:
        raise UploadError("a file's header is not the manifest's")
    places = {column: export.columns.index(column) for column in sums}
    rows = 0
    for record in records:
        rows += 1
        for column, place in places.items():
            if record[place] != export.csv["null"]:
                sums[column] = reduce(EXACT.add, (sums[column], Decimal(record[place])))
    return rows
