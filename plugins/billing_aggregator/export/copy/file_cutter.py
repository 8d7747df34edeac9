"""Cuts the rows of one COPY into files of known numbers of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from billing_aggregator.export.copy.compress import new_compressor
from billing_aggregator.export.errors import ExportSourceChangedError, RowCountError, TooManyPartsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.export.copy.part_sender import WrittenFile
    from billing_aggregator.export.copy.progress import CopyProgress

LINE_END = b"\n"


class FileSink(Protocol):
    """Takes one file's bytes."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes; their memory is used again afterwards."""

    def end(self) -> Callable[[], WrittenFile]:
        """End the file; return a function that waits until all bytes have arrived."""


class FileCutter:
    """A :class:`~billing_aggregator.export.copy.copy_stream.RowSink` that writes one file after another.

    :param counts: rows of each file.
    :param open_file: opens the file of that number.
    """

    def __init__(
        self,
        counts: Sequence[int],
        open_file: Callable[[int], FileSink],
        options: ExportOptions,
        progress: CopyProgress,
    ) -> None:
        self._counts = counts
        self._open_file = open_file
        self._options = options
        self._progress = progress
        self._header = b""
        self._number = 0
        self._left = 0
        self._done: list[tuple[Callable[[], WrittenFile], float]] = []

    def start(self, header: bytes) -> int:
        """Take the header and open the first file."""
        self._header = header
        self._next_file()
        return self._left or 1

    def take(self, block: bytes | memoryview, rows: int) -> int:
        """Write a block of rows, which never goes beyond the end of a file; return how many more the file has."""
        if not self._left:
            raise ExportSourceChangedError(
                "there are more rows than were planned: the relation was written to; plan again"
            )
        if block[-1:] != LINE_END:
            raise RowCountError("a COPY message does not end with a line end: it is not one row")
        self._write(block)
        self._progress.add(rows, len(block))
        self._left -= rows
        if not self._left:
            self._end_file()
        return self._left or 1

    def finish(self) -> list[tuple[WrittenFile, float]]:
        """Wait for all parts; return each file with the seconds since the previous one ended."""
        if self._left:
            raise ExportSourceChangedError(
                "there are fewer rows than were planned: the relation was written to; plan again"
            )
        return [(wait(), round(seconds, 3)) for wait, seconds in self._done]

    def _write(self, data: bytes | memoryview) -> None:
        if compressed := self._compressor.compress(data):
            try:
                self._file.write(compressed)
            except TooManyPartsError as error:
                done, planned = self._counts[self._number - 1] - self._left, self._counts[self._number - 1]
                raise error.with_advice(done, planned) from None

    def _next_file(self) -> None:
        self._left = self._counts[self._number]
        self._file = self._open_file(self._number)
        self._compressor = new_compressor(self._options.compression, self._options.compression_level)
        self._began = self._progress.seconds
        self._number += 1
        if self._header:
            self._write(self._header)
        if not self._left:
            self._end_file()

    def _end_file(self) -> None:
        if rest := self._compressor.flush():
            self._file.write(rest)
        self._done.append((self._file.end(), self._progress.seconds - self._began))
        if self._number < len(self._counts):
            self._next_file()
