"""Reads a publication the way its consumers should: from the manifest, by version, every byte checked."""

from __future__ import annotations

import hashlib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from billing_aggregator.config.key_template import manifest_key
from billing_aggregator.export.csv_records import CsvError, decompressed, records
from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.manifest import Manifest, ManifestExport, ManifestFile, read_published
from billing_aggregator.export.publish.source_check import EXACT
from billing_aggregator.export.store.factory import client_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.protocol import ReadableStore, Store


def current_manifest(store: Store, client: str, environment: str) -> Manifest | None:
    """Return what is published for a client and environment, or None.

    :raises ManifestError: the manifest cannot be read.
    """
    return read_published(store, manifest_key(client, environment)).manifest


def client_manifest(config: ClientConfig, **wanted: Any) -> Manifest | None:
    """Return what is published for a configured client, or None.

    :param wanted: see :func:`billing_aggregator.s3.client.client_hook`.
    :raises ManifestError: the manifest cannot be read.
    """
    return current_manifest(client_store(config, **wanted), config.client, config.environment)


def stored_bytes(store: ReadableStore, file: ManifestFile) -> Iterator[bytes]:
    """Yield a file's bytes as they are stored, in pieces; whether they are right is known at the end.

    :raises UploadError: at the end, if they are not those that the manifest describes (without versions: a publication
        is under way).
    """
    sha, size = hashlib.sha256(), 0
    for piece in store.stream(file.key, file.version_id):
        sha.update(piece)
        size += len(piece)
        yield piece
    if size != file.bytes or sha.hexdigest() != file.sha256:
        raise UploadError(f"{store.url(file.key)} is not the file that the manifest names")


def read_csv(store: ReadableStore, export: ManifestExport, file: ManifestFile) -> bytes:
    """Return a file's CSV, uncompressed; :func:`read_records` takes it apart with little memory.

    :raises UploadError: the file is not the one that the manifest names, or not compressed as it says.
    """
    stored = b"".join(stored_bytes(store, file))
    return b"".join(decompressed([stored], export.csv["compression"]))


def read_records(store: ReadableStore, export: ManifestExport, file: ManifestFile) -> Iterator[list[bytes | None]]:
    """Yield the fields of each row of a file, as UTF-8; None is NULL. Memory is a row and a few MiB.

    :raises UploadError: the file is not the one that the manifest names, or not the CSV that it describes; where the
        bytes are others, the error says that.
    """
    stored = stored_bytes(store, file)
    try:
        yield from _rows(stored, export)
        _drain(stored)
    except CsvError as error:
        _drain(stored)
        raise UploadError(f"{store.url(file.key)}: {error}") from error


def check_publication(store: ReadableStore, manifest: Manifest) -> None:
    """Read every file again and compare bytes, rows and control totals with the manifest; slow, and
    independent of what the export counted.

    :raises UploadError: something differs.
    """  # noqa: D205
    for name, export in manifest.exports.items():
        sums = {column: Decimal(0) for column in export.control_totals}
        rows = sum(check_file(store, export, file, sums) for file in export.files)
        for problem in differing_totals(name, export, rows, sums):
            raise UploadError(problem)


def check_file(store: ReadableStore, export: ManifestExport, file: ManifestFile, sums: dict[str, Decimal]) -> int:
    """Read a file again, add its numbers to *sums* and return its rows.

    :raises UploadError: its bytes or rows are others than the manifest says, or it is not the CSV that it describes.
    :raises FileNotFoundError: it is gone.
    """
    counted = _add(store, export, file, sums)
    if counted != file.rows:
        raise UploadError(f"{store.url(file.key)} has {counted} rows, the manifest says {file.rows}")
    return counted


def differing_totals(name: str, export: ManifestExport, rows: int, sums: dict[str, Decimal]) -> Iterator[str]:
    """Yield a sentence for each figure of an export that its files do not have.

    :param rows: of all its files.
    :param sums: column -> exact sum of all its files.
    """
    if rows != export.rows:
        yield f"export {name} has {rows} rows, the manifest says {export.rows}"
    for column, total in export.control_totals.items():
        if not _same(sums[column], Decimal(total)):
            yield f"export {name}: {column} adds up to {sums[column]}, the manifest says {total}"


def _rows(stored: Iterator[bytes], export: ManifestExport) -> Iterator[list[bytes | None]]:
    csv = export.csv
    pieces = decompressed(stored, csv["compression"])
    found = records(pieces, delimiter=csv["delimiter"], null=csv["null"])
    names = export.columns or [""]  # the rows of a table without columns are empty lines
    if csv["header"]:
        header = [csv["null"] if name is None else name.decode() for name in next(found, [])]
        if header != names:
            raise CsvError("its header is not the manifest's")
    for number, record in enumerate(found, 1):
        if len(record) != len(names):
            raise CsvError(f"row {number} has {len(record)} fields, the manifest {len(names)} columns")
        yield record


def _add(store: ReadableStore, export: ManifestExport, file: ManifestFile, sums: dict[str, Decimal]) -> int:
    places = {column: export.columns.index(column) for column in sums}
    rows = 0
    for record in read_records(store, export, file):
        rows += 1
        for column, place in places.items():
            text = record[place]
            if text is not None:
                sums[column] = EXACT.add(sums[column], _number(store, file, column, rows, text))
    return rows


def _number(store: ReadableStore, file: ManifestFile, column: str, row: int, text: bytes) -> Decimal:
    try:
        return Decimal(text.decode())
    except InvalidOperation:
        raise UploadError(f"{store.url(file.key)}: row {row}: {column} is no number: {text[:40]!r}") from None


def _same(found: Decimal, stated: Decimal) -> bool:
    """NaN is the same as NaN, as it is in Postgres."""
    return stated.is_nan() if found.is_nan() else EXACT.compare(found, stated) == 0


def _drain(stored: Iterator[bytes]) -> None:
    for _ in stored:
        pass
