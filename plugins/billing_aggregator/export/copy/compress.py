"""Compression with stable bytes: no time, no file name, no dependence on how fast the rows came."""

from __future__ import annotations

from typing import Protocol

import zstandard
from isal import isal_zlib

GZIP_LEVEL = 1
GZIP_WINDOW = 31  # 15 bits of window, gzip framing; the header's time is 0
ZSTD_LEVEL = 3


class Compressor(Protocol):
    """What ``zlib``, ``isal`` and ``zstandard`` compression objects have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Take *data*; return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


class NoCompression:
    """Passes bytes through."""

    def compress(self, data: bytes, /) -> bytes:
        """Return *data*."""
        return data

    def flush(self) -> bytes:
        """Return nothing: everything has been passed on."""
        return b""


def new_compressor(compression: str, level: int | None) -> Compressor:
    """Return a fresh compressor for one file: ``none``, ``gzip`` (by isal, as fast as COPY) or ``zstd``."""
    if compression == "none":
        return NoCompression()
    if compression == "gzip":
        gzip: Compressor = isal_zlib.compressobj(
            GZIP_LEVEL if level is None else level, isal_zlib.DEFLATED, GZIP_WINDOW
        )
        return gzip
    return zstandard.ZstdCompressor(level=level or ZSTD_LEVEL, write_checksum=True).compressobj()
