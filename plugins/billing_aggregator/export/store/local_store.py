"""Files in a local folder by the same protocol: temporary names beside the final ones, then a rename.

Folders have mode 0750, files 0640. Conditional writes hold an advisory lock on the folder, which the system releases
when a process dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from base64 import b32encode
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import PreconditionFailedError, UploadError, UploadGoneError
from billing_aggregator.export.store.protocol import Part, StoredFile, StoredObject, Upload
from billing_aggregator.s3.answers import crc32_base64

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.config.store_options import StoreOptions

FOLDER_MODE = 0o750
FILE_MODE = 0o640
LOCK_NAME = ".lock"
PART_SUFFIX = ".part"
READ_BYTES = 1 << 20


class LocalStore:
    """A folder; it is created when something is written.

    :param folder: absolute path.
    :param fsync: write files and folder entries through to the disk before they count.
    """

    def __init__(self, folder: str | Path, *, fsync: bool = False) -> None:
        self._root = Path(folder)
        self._fsync = fsync

    def url(self, key: str) -> str:
        """Return ``file:///folder/key``."""
        return self.path(key).as_uri()

    def use(self, options: StoreOptions) -> None:
        """Do nothing: a folder has no requests."""

    def start(self, key: str, token: str, options: ExportOptions) -> Upload:
        """Create the temporary file ``.<name>.<token>.part`` beside the final one."""
        path = self.path(key)
        self._make_folder(path.parent)
        temporary = path.with_name(f".{path.name}.{token}{PART_SUFFIX}")
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
        os.fchmod(handle, FILE_MODE)  # whatever the umask says
        os.close(handle)
        return Upload(key, temporary.name, token)

    def write_part(self, upload: Upload, number: int, data: bytes | bytearray, part_bytes: int) -> Part:
        """Write at the part's place."""
        try:
            handle = os.open(self._temporary(upload), os.O_WRONLY)
        except FileNotFoundError:
            raise UploadGoneError(f"{self._temporary(upload)} was removed") from None
        try:
            rest, offset = memoryview(data), (number - 1) * part_bytes
            while rest:
                written = os.pwrite(handle, rest, offset)
                rest, offset = rest[written:], offset + written
        finally:
            os.close(handle)
        crc = crc32_base64(data)
        return Part(number, len(data), crc, crc)

    def parts(self, upload: Upload) -> list[Part] | None:
        """Return the temporary file as one part of its size, or None."""
        with suppress(FileNotFoundError):
            return [Part(1, self._temporary(upload).stat().st_size, "", None)]
        return None

    def complete(self, upload: Upload, parts: list[Part]) -> str | None:
        """Rename the temporary file to its final name."""
        temporary, final = self._temporary(upload), self.path(upload.key)
        size = sum(part.size for part in parts)
        try:
            if temporary.stat().st_size != size:
                raise UploadError(f"{temporary} has {temporary.stat().st_size} bytes, {size} were written")
            self._sync(temporary)
            temporary.replace(final)
        except FileNotFoundError:
            raise UploadGoneError(f"{temporary} is no more") from None
        self._sync(final.parent)
        return None

    def completed(
        self,
        upload: Upload,
        size: int,
        sha256: str,
        version_id: str | None = None,
    ) -> StoredFile | None:
        """Return the file if it has these bytes: here the content itself tells whose it is."""
        path = self.path(upload.key)
        if not path.is_file() or path.stat().st_size != size or file_sha256(path) != sha256:
            return None
        return StoredFile(size, f'"{sha256}"', None)

    def abort(self, upload: Upload) -> bool:
        """Remove the temporary file."""
        try:
            self._temporary(upload).unlink()
        except FileNotFoundError:
            return False
        return True

    def open_uploads(self, prefix: str) -> Iterator[tuple[Upload, float]]:
        """Yield the temporary files below *prefix* with the time since they were last written to."""
        for path in sorted(self._root.rglob(f".*{PART_SUFFIX}")):
            name, token = path.name[1 : -len(PART_SUFFIX)].rsplit(".", 1)
            key = path.with_name(name).relative_to(self._root).as_posix()
            if key.startswith(prefix):
                with suppress(FileNotFoundError):
                    yield Upload(key, path.name, token), time.time() - path.stat().st_mtime

    def read(self, key: str) -> StoredObject | None:
        """Return a file; its etag is its content's hash and the time of its writing."""
        path = self.path(key)
        try:
            status = path.stat()
            body = path.read_bytes()
        except FileNotFoundError:
            return None
        return StoredObject(body, _etag(body, status), time.time() - status.st_mtime)

    def stream(
        self, key: str, version_id: str | None = None, *, start: int = 0, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield a file's bytes, a MiB at a time."""
        with self.path(key).open("rb") as file:
            file.seek(start)
            yield from iter(lambda: file.read(READ_BYTES), b"")

    def put_if(self, key: str, body: bytes, expected: str | None) -> str:
        """Compare and replace under the folder's lock."""
        path = self.path(key)
        self._make_folder(path.parent)
        with self._locked(path.parent):
            found = self.read(key)
            if (found.etag if found else None) != expected:
                raise PreconditionFailedError(f"{path} was written by somebody else")
            token = b32encode(os.urandom(10)).decode().lower()
            temporary = path.with_name(f".{path.name}.{token}.tmp")
            temporary.write_bytes(body)
            temporary.chmod(FILE_MODE)
            self._sync(temporary)
            temporary.replace(path)
            self._sync(path.parent)
            return _etag(body, path.stat())

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the visible files below *prefix*."""
        for path in sorted(self._root.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and path.is_file() and not path.name.startswith("."):
                yield key

    def remove(self, keys: Iterable[str]) -> None:
        """Remove files."""
        for key in keys:
            self.path(key).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Return where the file of *key* lies; raises ValueError for a key that leaves the folder."""
        path = self._root / key
        if ".." in Path(key).parts or Path(key).is_absolute():
            raise ValueError(f"key {key!r} leaves the folder {self._root}")
        return path

    def _temporary(self, upload: Upload) -> Path:
        return self.path(upload.key).with_name(upload.upload_id)

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            new.chmod(FOLDER_MODE)

    def _sync(self, path: Path) -> None:
        if self._fsync:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        handle = os.open(folder / LOCK_NAME, os.O_CREAT | os.O_RDWR, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _etag(body: bytes, status: os.stat_result) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}-{status.st_mtime_ns:x}"'
