"""Compressed bytes depend on the rows alone, not on the pieces in which the network brought them."""

from __future__ import annotations

import gzip
import random

import pytest
import zstandard

from billing_aggregator.export.copy.compress import FEED_BYTES, new_compressor

SIZE = 5 * FEED_BYTES + 1234


def rows() -> bytes:
    chosen = random.Random(4)  # noqa: S311
    return b"".join(b"%d,ELECTRICITY,%d\n" % (n, chosen.randrange(10**9)) for n in range(SIZE // 20))[:SIZE]


def packed(compression: str, data: bytes, size: int) -> bytes:
    compressor = new_compressor(compression, None)
    pieces = [compressor.compress(memoryview(data)[start : start + size]) for start in range(0, len(data), size)]
    return b"".join([*map(bytes, pieces), compressor.flush()])


def unpacked(compression: str, data: bytes) -> bytes:
    if compression == "gzip":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if compression == "zstd" else data


@pytest.mark.parametrize("size", [1777, 32 << 10, FEED_BYTES - 1, FEED_BYTES, FEED_BYTES + 1, 2 * SIZE])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_bytes_do_not_depend_on_the_pieces(compression: str, size: int) -> None:
    data = rows()
    found = packed(compression, data, size)
    assert found == packed(compression, data, 911)
    assert unpacked(compression, found) == data


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_an_empty_file_is_a_whole_one(compression: str) -> None:
    found = packed(compression, b"", 1)
    assert unpacked(compression, found) == b""
