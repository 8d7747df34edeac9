"""Reads the CSV of a publication record by record, exactly as RFC 4180 and COPY write it, whatever its fields hold.

Python's ``csv`` drops empty lines, which are the NULLs of a file of one column, cannot tell ``""`` from nothing, and
refuses fields of more than 128 KiB.
"""

from __future__ import annotations

import codecs
import re
import zlib
from typing import IO, TYPE_CHECKING, cast

import zstandard

from billing_aggregator.export.errors import UploadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP_WINDOW = 31
PIECE_BYTES = 1 << 20
QUOTE = b'"'


class CsvError(UploadError):
    """A file is not the CSV that COPY writes."""


def decompressed(pieces: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of about a MiB; a file of several gzip members or zstd frames is read whole.

    :param compression: ``none``, ``gzip`` or ``zstd``.
    :raises CsvError: it is not compressed in this way, or ends too early.
    """
    if compression == "gzip":
        return _gunzip(pieces)
    if compression == "zstd":
        return _unzstd(pieces)
    return iter(pieces)


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member, begun = zlib.decompressobj(GZIP_WINDOW), False
    try:
        for piece in pieces:
            rest, full = piece, False
            while rest or full:
                begun = begun or bool(rest)
                data = member.decompress(rest, PIECE_BYTES)
                # A piece that is full may have more behind it, though all input has been taken.
                rest, full = member.unconsumed_tail, len(data) == PIECE_BYTES
                if member.eof:
                    rest, full = member.unused_data, False
                    member, begun = zlib.decompressobj(GZIP_WINDOW), False
                if data:
                    yield data
    except zlib.error as error:
        raise CsvError(f"it is no gzip: {error}") from error
    if begun:
        raise CsvError("its gzip ends too early")


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    source = _PieceReader(pieces)
    reader = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", source), read_across_frames=True)
    try:
        while data := reader.read(PIECE_BYTES):
            yield data
    except zstandard.ZstdError as error:
        raise CsvError(f"it is no zstd: {error}") from error


class _PieceReader:
    """Pieces of bytes as a file to read from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            try:
                self._rest = next(self._pieces)
            except StopIteration:
                return b""
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def records(pieces: Iterable[bytes], *, delimiter: str, null: str) -> Iterator[list[bytes | None]]:
    """Yield the fields of each record; None is a NULL: an unquoted field whose text is *null*.

    Memory is one record and one piece. An empty line is a record of one empty field.

    :param pieces: the CSV's bytes, UTF-8.
    :raises CsvError: text behind a closing quote, an open quote or no line end at the end, bytes that are not UTF-8.
    """
    fields = _Fields(delimiter.encode(), null.encode())
    for number, record in enumerate(_whole_records(_checked(pieces)), 1):
        yield fields.of(record, number)


def _checked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
            yield piece
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise CsvError(f"it is not UTF-8: {error.reason}") from error


def _whole_records(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield records without their line end: a line end counts where the number of quotes before it is even."""
    begun: list[bytes] = []
    quotes = 0
    for piece in pieces:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            if not begun and QUOTE not in line:
                yield line
                continue
            quotes += line.count(QUOTE)
            begun.append(line)
            if quotes % 2:
                begun.append(b"\n")
            else:
                yield b"".join(begun)
                begun, quotes = [], 0
        if rest:
            quotes += rest.count(QUOTE)
            begun.append(rest)
    if begun:
        raise CsvError("it ends within a quoted field" if quotes % 2 else "it does not end with a line end")


class _Fields:
    """Takes a record apart."""

    def __init__(self, delimiter: bytes, null: bytes) -> None:
        self._delimiter = delimiter
        self._null = null
        mark = re.escape(delimiter)
        self._field = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^"' + mark + rb"]*))(" + mark + rb"|\Z)")

    def of(self, record: bytes, number: int) -> list[bytes | None]:
        null = self._null
        if QUOTE not in record:
            return [None if field == null else field for field in record.split(self._delimiter)]
        fields: list[bytes | None] = []
        place = 0
        while True:
            found = self._field.match(record, place)
            if found is None:
                raise CsvError(f"record {number}: a quote stands where none may be, at byte {place}")
            quoted, plain, end = found.groups()
            if quoted is not None:
                fields.append(quoted.replace(b'""', b'"'))
            else:
                fields.append(None if plain == null else plain)
            if not end:
                return fields
            place = found.end()
