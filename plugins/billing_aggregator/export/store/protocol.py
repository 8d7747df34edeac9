"""What publication needs of a place for files; S3 and local folders provide it.

A file is written as an *upload* that stays invisible until it is completed. Small objects (manifest, lock) are
written whole and conditionally.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.config.store_options import StoreOptions

CONTENT_TYPES = {
    "none": "text/csv; charset=utf-8",
    "gzip": "application/gzip",
    "zstd": "application/zstd",
}


@dataclass(frozen=True)
class Part:
    """One part of an upload.

    :param number: from 1.
    :param size: bytes.
    :param etag: what the store answered.
    :param crc32: base64 of the big-endian CRC-32 of the part's bytes.
    """

    number: int
    size: int
    etag: str
    crc32: str | None


@dataclass(frozen=True)
class StoredObject:
    """A small object.

    :param body: its bytes.
    :param etag: to be given to a conditional write.
    :param age: seconds since it was written, by the store's own clock.
    """

    body: bytes
    etag: str
    age: float

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class StoredFile:
    """A completed file: its size in bytes, etag and version (None when the store keeps one version only)."""

    size: int
    etag: str
    version_id: str | None


@dataclass(frozen=True)
class Upload:
    """An upload that is not completed.

    :param key: where the file will be.
    :param upload_id: the store's name for the upload.
    :param token: ours, unique for each upload: it tells later whose bytes lie at the key.
    """

    key: str
    upload_id: str
    token: str


class ReadableStore(Protocol):
    """What readers of a publication need of a place."""

    def url(self, key: str) -> str:
        """Return the URL of a key, for messages."""

    def stream(
        self, key: str, version_id: str | None = None, *, start: int = 0, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield a file's bytes piece by piece; raises FileNotFoundError.

        :param start: the first byte, from 0.
        :param etag: refuse, by PreconditionFailedError, a file that has another one; a folder has none and does not.
        """


class Store(ReadableStore, Protocol):
    """A bucket or a folder."""

    def use(self, options: StoreOptions) -> None:
        """Send what *options* say with every request from now on; a folder ignores it."""

    def url(self, key: str) -> str:
        """Return the full name of *key*, e.g. ``s3://bucket/key``."""

    def start(self, key: str, token: str, options: ExportOptions) -> Upload:
        """Open an upload; nothing is visible at *key*."""

    def write_part(self, upload: Upload, number: int, data: bytes | bytearray, part_bytes: int) -> Part:
        """Write a part; writing a number again replaces it. *part_bytes* is the size of each part but the last."""

    def parts(self, upload: Upload) -> list[Part] | None:
        """Return the parts that are there, in order; None if the upload is gone (completed or aborted)."""

    def complete(self, upload: Upload, parts: list[Part]) -> str | None:
        """Make the file visible, return its version if it has one; raises UploadGoneError if the upload is gone."""

    def completed(self, upload: Upload, size: int, sha256: str, version_id: str | None = None) -> StoredFile | None:
        """Return the file at the key (in that version) if it is the one that *upload* brought, else None."""

    def abort(self, upload: Upload) -> bool:
        """Abort an upload; tell whether there was one."""

    def open_uploads(self, prefix: str) -> Iterator[tuple[Upload, float]]:
        """Yield the uploads of keys below *prefix* that are not completed, with their age in seconds."""

    def read(self, key: str) -> StoredObject | None:
        """Return a small object, or None."""

    def put_if(self, key: str, body: bytes, expected: str | None) -> str:
        """Write a small object if its etag is *expected* (None: if there is none); return the new etag.

        Raises PreconditionFailedError otherwise.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of the visible files below *prefix*, sorted."""

    def remove(self, keys: Iterable[str]) -> None:
        """Remove files (in a versioned bucket: hide them, their versions stay readable)."""
