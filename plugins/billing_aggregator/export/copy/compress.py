"""Compression with stable bytes: no time, no file name, no dependence on how fast the rows came."""

from __future__ import annotations

from typing import Protocol

import zstandard
from isal import isal_zlib

GZIP_LEVEL = 1
GZIP_WINDOW = 31  # 15 bits of window, gzip framing; the header's time is 0
ZSTD_LEVEL = 3
#: Bytes that a compressor gets at once. A constant: what it returns depends on how it is fed.
FEED_BYTES = 128 << 10


class Compressor(Protocol):
    """What ``zlib``, ``isal`` and ``zstandard`` compression objects have in common."""

    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes | memoryview:
        """Take *data*; return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


class NoCompression:
    """Passes bytes through."""

    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes | memoryview:
        """Return *data*."""
        return memoryview(data)

    def flush(self) -> bytes:
        """Return nothing: everything has been passed on."""
        return b""


class EvenlyFed:
    """Feeds a compressor the same amount each time, however the bytes come; one for one file."""

    def __init__(self, compressor: Compressor) -> None:
        self._compressor = compressor
        self._held = bytearray()

    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes:
        """Take *data*; return what is ready."""
        rest, held, ready = memoryview(data), self._held, []
        while rest:
            piece = rest[: FEED_BYTES - len(held)]
            held += piece
            rest = rest[len(piece) :]
            if len(held) == FEED_BYTES:
                ready.append(self._compressor.compress(held))
                held.clear()
        return b"".join(ready)

    def flush(self) -> bytes:
        """Return the rest."""
        return b"".join([self._compressor.compress(self._held), self._compressor.flush()])


def new_compressor(compression: str, level: int | None) -> Compressor:
    """Return a fresh compressor for one file: ``none``, ``gzip`` (by isal, as fast as COPY) or ``zstd``."""
    if compression == "none":
        return NoCompression()
    if compression == "gzip":
        gzip: Compressor = isal_zlib.compressobj(
            GZIP_LEVEL if level is None else level, isal_zlib.DEFLATED, GZIP_WINDOW
        )
        return EvenlyFed(gzip)
    zstd: Compressor = zstandard.ZstdCompressor(level=level or ZSTD_LEVEL, write_checksum=True).compressobj()
    return EvenlyFed(zstd)
