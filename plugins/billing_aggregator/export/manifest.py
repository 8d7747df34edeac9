"""The manifest: the one object that says what is published. Readers start here and nowhere else.

Same data, same manifest but for the run's own fields (``run_id`` and ``published_at``) and what S3 gives out at each
publication (``version_id``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from billing_aggregator.export.errors import ManifestError

if TYPE_CHECKING:
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.store.protocol import Store

#: Version 2 adds ``column_details`` and changes nothing else: what reads version 1 by name reads version 2 as well.
SCHEMA_VERSION = 2
READABLE_VERSIONS = (1, 2)


class ManifestFile(BaseModel):
    """One file.

    :param key: its key in the bucket or folder.
    :param version_id: its version in a versioned bucket; None without versions.
    :param rows: rows without the header.
    :param bytes: size of the file as it is stored.
    :param sha256: of those bytes, hexadecimal.
    :param etag: for a conditional GET where there are no versions.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    version_id: str | None
    rows: int
    bytes: int
    sha256: str
    etag: str


class KeptFrom(BaseModel):
    """The run that published an export which later runs have left out.

    :param run_id: that run.
    :param business_date: its day, ISO.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    business_date: str


class ManifestColumn(BaseModel):
    """One column of an export.

    :param name: as in the header.
    :param type: Postgres' name of its type, with lengths and digits, e.g. ``numeric(20,2)``.
    :param nullable: False only where the exported table declares ``not null``.
    :param description: what it means, from the comment of the warehouse's column; empty for none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    nullable: bool
    description: str = ""


class ManifestExport(BaseModel):
    """One export.

    :param columns: names, in the order of the CSV.
    :param column_details: the same columns with types, nullability and meaning; empty for an export that a version 1
        of the manifest has named and later runs have left out.
    :param rows: rows in all files.
    :param control_totals: column → exact sum as text, of all integer and numeric columns.
    :param csv: dialect and compression of the files.
    :param files: in the order of the rows.
    :param kept_from: None for an export of this run; the run that published it when this run has left it out.
    """

    model_config = ConfigDict(frozen=True)

    columns: list[str]
    column_details: list[ManifestColumn] = []
    rows: int
    control_totals: dict[str, str]
    csv: dict[str, Any]
    files: list[ManifestFile]
    kept_from: KeptFrom | None = None


class Manifest(BaseModel):
    """A publication: the exports of one run by name.

    :param run_tag: tells runs of the same id apart that belong to two Airflows; left out where there is only one.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    run_id: str
    run_tag: str = ""
    client: str
    environment: str
    business_date: str
    published_at: str
    exports: dict[str, ManifestExport]

    @property
    def keys(self) -> set[str]:
        """The keys of all files."""
        return {file.key for export in self.exports.values() for file in export.files}

    @property
    def has_versions(self) -> bool:
        """Whether each file is named by its version, so that it stays readable when its key is overwritten."""
        return all(file.version_id for export in self.exports.values() for file in export.files)

    def is_of(self, run: ExportRun) -> bool:
        """Tell whether *run* has published this."""
        return run.is_same(self.run_id, self.run_tag)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain values, as it is stored."""
        return self.model_dump(mode="json", exclude=None if self.run_tag else {"run_tag"})

    def body(self) -> bytes:
        """Return the manifest as it is stored: sorted, readable, the same bytes for the same content."""
        return json.dumps(self.to_json(), indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


class Published(NamedTuple):
    """What is published: the manifest, and its etag for a conditional write; both None where nothing is."""

    manifest: Manifest | None
    etag: str | None


def read_published(store: Store, key: str) -> Published:
    """Return the manifest that lies at *key*, with its etag.

    :raises ManifestError: it is there but not readable, or of another schema.
    """
    found = store.read(key)
    if found is None:
        return Published(None, None)
    return Published(parse_manifest(found.body, store.url(key)), found.etag)


def parse_manifest(body: bytes, place: str) -> Manifest:
    """Return the manifest of these bytes.

    :param place: where they lie, for the error.
    :raises ManifestError: they are no manifest, or one of a version that this code does not know.
    """
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        what = f"{where}: {problem['msg']}" if where else problem["msg"]
        raise ManifestError(f"{place} is no manifest: {what}; restore an earlier version or remove it") from error
    if manifest.schema_version not in READABLE_VERSIONS:
        known = " and ".join(map(str, READABLE_VERSIONS))
        raise ManifestError(f"{place} has schema version {manifest.schema_version}; this code knows {known}")
    return manifest
