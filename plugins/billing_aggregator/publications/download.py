"""Copies a whole publication into a folder: by its versions, verified, resumable, never mixed with another one.

A file has its own name only when all its bytes were compared with the manifest; until then it is ``.<name>.part``. The
manifest comes last, so a folder that has one is a whole publication. ``.download`` says whose parts lie there.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import PreconditionFailedError
from billing_aggregator.export.store.local_store import file_sha256
from billing_aggregator.publications.errors import (
    BrokenPublicationError,
    NotThereError,
    UnreadableError,
    WrongQuestionError,
    explained,
)
from billing_aggregator.publications.verify import gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from billing_aggregator.export.manifest import ManifestFile
    from billing_aggregator.publications.found import FoundPublication

STATE = ".download"
PIECE = 1 << 20


@dataclass(frozen=True)
class Downloaded:
    """What was copied.

    :param files: files of the publication.
    :param bytes: bytes of all of them.
    :param fetched: bytes that were read from the store this time; the rest was there.
    """

    found: FoundPublication
    folder: Path
    files: int
    bytes: int
    fetched: int


def download(found: FoundPublication, folder: Path, *, read: Callable[[int], None] | None = None) -> Downloaded:
    """Copy the publication into *folder*, below the same keys; go on where an earlier try of it has stopped.

    :param read: is told the bytes that are there, piece by piece.
    :raises WrongQuestionError: the folder has files of something else.
    :raises BrokenPublicationError: a file is not what the manifest says. NotThereError: a file or version is gone.
    """
    files = [file for export in found.manifest.exports.values() for file in export.files]
    with explained(None):
        _claim(found, folder)
    fetched = 0
    for file in files:
        fetched += _fetch(found, file, folder / found.relative(file), read or (lambda _: None))
    with explained(None):
        _write(folder / found.key, found.body)
        (folder / STATE).unlink(missing_ok=True)
    return Downloaded(found, folder, len(files), sum(file.bytes for file in files), fetched)


def _claim(found: FoundPublication, folder: Path) -> None:
    """Refuse a folder that has anything else in it; write down whose parts will lie in it."""
    identity = hashlib.sha256(found.body).hexdigest() + f" {found.manifest.run_id}\n"
    state, manifest = folder / STATE, folder / found.key
    folder.mkdir(parents=True, exist_ok=True)
    if state.exists():
        if state.read_text(encoding="utf-8") == identity:
            return
        begun = state.read_text(encoding="utf-8").partition(" ")[2].strip()
        raise WrongQuestionError(
            f"{folder} has an unfinished download of run {begun}; finish it, remove it, or name another folder"
        )
    if manifest.exists() and manifest.read_bytes() != found.body:
        raise WrongQuestionError(f"{folder} has another publication; name another folder: two are never mixed")
    if not manifest.exists() and any(folder.iterdir()):
        raise WrongQuestionError(f"{folder} is not empty and no download of this publication; name a new folder")
    _write(state, identity.encode())


def _fetch(found: FoundPublication, file: ManifestFile, target: Path, read: Callable[[int], None]) -> int:
    """Copy one file unless it is there already; return the bytes that were read from the store."""
    with explained(None):
        if target.exists() and target.stat().st_size == file.bytes and file_sha256(target) == file.sha256:
            read(file.bytes)
            return 0
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(target.with_name(f".{target.name}.part"), file.bytes)
    there = part.size
    read(there)
    if there < file.bytes or not file.bytes:
        _append(found, file, part, read)
    if part.size != file.bytes or part.sha.hexdigest() != file.sha256:
        part.path.unlink()
        raise BrokenPublicationError(
            f"{found.store.url(file.key)} is not the file that the manifest of run {found.manifest.run_id} names: "
            f"{part.size} bytes, SHA-256 {part.sha.hexdigest()[:12]}..., not {file.bytes} and {file.sha256[:12]}..."
        )
    part.path.replace(target)
    return part.size - there


class _Part:
    """A file that is not whole yet, with the hash and the number of the bytes that an earlier try has left.

    :param most: bytes of the whole file; what has more is of something else and goes.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.size, self.sha = path, 0, hashlib.sha256()
        if path.exists() and path.stat().st_size > most:
            path.unlink()
        if path.exists():
            with path.open("rb") as there:
                while piece := there.read(PIECE):
                    self._count(piece)

    def append(self, pieces: Iterable[bytes], read: Callable[[int], None]) -> None:
        """Write *pieces* behind what is there."""
        with self.path.open("ab") as target:
            for piece in pieces:
                try:
                    target.write(piece)
                except OSError as error:
                    raise UnreadableError(
                        f"{self.path} cannot be written: {error.strerror}; what is there is kept"
                    ) from None
                self._count(piece)
                read(len(piece))

    def _count(self, piece: bytes) -> None:
        self.sha.update(piece)
        self.size += len(piece)


def _append(found: FoundPublication, file: ManifestFile, part: _Part, read: Callable[[int], None]) -> None:
    """Append the rest of the file: of its version, else under the condition that it is still the same object."""
    etag = None if file.version_id else file.etag or None
    with explained(found.config):
        try:
            part.append(found.store.stream(file.key, file.version_id, start=part.size, etag=etag), read)
        except FileNotFoundError:
            raise NotThereError(gone(found, file)) from None
        except PreconditionFailedError:
            raise NotThereError(
                f"{found.store.url(file.key)} was replaced by another run's file, and the bucket keeps no versions; "
                "download what is published now into a new folder"
            ) from None


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(body)
    temporary.replace(path)
