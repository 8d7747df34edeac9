"""CSV is read as COPY writes it: NULLs, quotes, line ends, empty lines, in pieces of any size, compressed or not."""

from __future__ import annotations

import gzip
import itertools
import random
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from billing_aggregator.export.csv_records import CsvError, decompressed, records

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.sampled_from(
    ["", "\\.", "\\N", "NULL", '"', '""', "\n", "\r\n", "\r", ",", ";", "a,b", " x ", "5", "ß\n"]
) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


def as_copy_writes(rows: list[list[str | None]], delimiter: str, null: str) -> bytes:
    """Return the CSV as Postgres' CopyAttributeOutCSV makes it."""

    def field(value: str | None, alone: bool) -> str:
        if value is None:
            return null
        special = value == null or any(mark in value for mark in (delimiter, '"', "\n", "\r"))
        return '"' + value.replace('"', '""') + '"' if special or (alone and value == "\\.") else value

    return "".join(delimiter.join(field(v, len(row) == 1) for v in row) + "\n" for row in rows).encode()


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(
    rows=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(st.none() | TEXTS, min_size=width, max_size=width), max_size=8)
    ),
    delimiter=st.sampled_from([",", ";", "|", "\t", "^", "]", "-"]),
    null=st.sampled_from(["", "\\N", "NULL", "5"]),
    size=st.integers(1, 40),
)
def test_every_record_is_read_as_it_was_written(
    rows: list[list[str | None]], delimiter: str, null: str, size: int
) -> None:
    data = as_copy_writes(rows, delimiter, null)
    found = records(in_pieces(data, size), delimiter=delimiter, null=null)
    assert [[None if v is None else v.decode() for v in record] for record in found] == rows


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"", []),
        (b"\n", [[None]]),
        (b"\n\n1\n\n", [[None], [None], [b"1"], [None]]),
        (b'""\n\n"\n"\n', [[b""], [None], [b"\n"]]),
    ],
)
def test_empty_lines_are_the_nulls_of_one_column(data: bytes, rows: list[list[bytes | None]]) -> None:
    for size in (1, 2, 100):
        assert list(records(in_pieces(data, size), delimiter=",", null="")) == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b", "does not end with a line end"),
        (b'a,"b\n', "ends within a quoted field"),
        (b'a,"b"c\n', "record 1: a quote stands where none may be, at byte 2"),
        (b'a\na"b"\n', "record 2: a quote"),
        (b"\xff\n", "not UTF-8"),
        (b"\xc3", "not UTF-8"),
    ],
)
def test_csv_that_copy_never_writes_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CsvError, match=message):
        list(records([data], delimiter=",", null=""))


def test_fields_have_no_size_limit() -> None:
    """The csv module stops at 128 KiB."""
    long = b'x"y\n' * (1 << 20)
    data = b'1,"' + long.replace(b'"', b'""') + b'"\n2,' + b"z" * (4 << 20) + b"\n"
    found = list(records(in_pieces(data, 1 << 16), delimiter=",", null=""))
    assert found == [[b"1", long], [b"2", b"z" * (4 << 20)]]


DATA = random.Random(1).randbytes(300_000) + bytes(5 << 20)  # noqa: S311


@pytest.mark.parametrize("size", [1000, 4096, 1 << 20, 10 << 20])
@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_members_and_frames_are_read_to_the_end(compression: str, members: int, size: int) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "zstd": zstandard.ZstdCompressor().compress,
        "none": bytes,
    }
    pack = packers[compression]
    step = -(-len(DATA) // members)
    packed = b"".join(pack(piece) for piece in in_pieces(DATA, step))
    pieces = list(decompressed(in_pieces(packed, size), compression))
    assert b"".join(pieces) == DATA
    if compression != "none":
        assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_truncated_gzip_is_an_error(cut: int) -> None:
    packed = gzip.compress(b"a\n" * 1000)
    with pytest.raises(CsvError, match="ends too early"):
        list(decompressed([packed[:-cut]], "gzip"))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_uncompressed_bytes_are_an_error(compression: str) -> None:
    with pytest.raises(CsvError, match=f"it is no {compression}"):
        list(decompressed([b"a,b\n1,2\n" * 100], compression))


def test_records_come_before_the_file_has_been_read() -> None:
    pieces = itertools.chain([b"1\n2\n"], iter(lambda: b"3\n", None))
    assert list(itertools.islice(records(pieces, delimiter=",", null=""), 4)) == [[b"1"], [b"2"], [b"3"], [b"3"]]
