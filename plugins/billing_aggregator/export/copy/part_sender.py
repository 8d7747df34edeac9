"""Sends the bytes of files to a store in parts, with a few threads and a fixed set of buffers, and hashes each file.

Its memory is ``threads + 1`` buffers of ``part_bytes``. While all of them are being sent, the reader waits.
"""

from __future__ import annotations

import hashlib
import queue
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from billing_aggregator.config.export_options import MOST_PARTS
from billing_aggregator.export.errors import TooManyPartsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from billing_aggregator.export.store.protocol import Part


class WritePart(Protocol):
    """Writes one part of one file to where it belongs."""

    def __call__(self, number: int, data: bytes | bytearray) -> Part:
        """Write part *number* and return what the store answered."""


@dataclass(frozen=True)
class WrittenFile:
    """A file whose parts have all been stored: its parts, bytes and SHA-256 (hexadecimal)."""

    parts: list[Part]
    size: int
    sha256: str


class PartSender:
    """Threads and buffers that the files of one task share, one file after another.

    :param threads: parts that are sent at the same time.
    :param part_bytes: size of each buffer and part.
    """

    def __init__(self, threads: int, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="upload")
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        for _ in range(threads + 1):
            self._free.put(bytearray(part_bytes))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)

    def buffer(self) -> bytearray:
        """Return a free buffer; waits until there is one."""
        return self._free.get()

    def give_back(self, buffer: bytearray) -> None:
        """Return a buffer that was not needed."""
        self._free.put(buffer)

    def send(self, write: WritePart, number: int, buffer: bytearray, length: int) -> Future[Part]:
        """Write a part in a thread, then give its buffer back."""

        def upload() -> Part:
            try:
                # A bytearray goes to the socket as it is; botocore would read bytes in blocks of 16 KiB.
                data = buffer if length == len(buffer) else bytearray(memoryview(buffer)[:length])
                return write(number, data)
            finally:
                self._free.put(buffer)

        return self._pool.submit(upload)


class FileUpload:
    """Uploads one file: fills buffers with its bytes and sends each full one as a part.

    :param sender: the task's buffers and threads.
    :param write: writes one part to the file's upload.
    :param name: for messages.
    """

    def __init__(self, sender: PartSender, write: WritePart, name: str) -> None:
        self._sender = sender
        self._write_part = write
        self._name = name
        self._sha = hashlib.sha256()
        self._buffer: bytearray | None = None
        self._used = 0
        self._sent: list[Future[Part]] = []
        self._checked = 0

    def write(self, data: bytes | memoryview) -> None:
        """Add *data*; waits while all buffers are being sent; raises the error of an earlier part.

        :raises TooManyPartsError: the store takes no more parts for one file.
        """
        self._sha.update(data)  # now, while the bytes are in the processor's cache, not a part later
        rest = memoryview(data)
        while rest:
            if self._buffer is None:
                if len(self._sent) >= MOST_PARTS:
                    raise TooManyPartsError(self._name, MOST_PARTS, self._sender.part_bytes)
                self._buffer = self._sender.buffer()
            taken = rest[: self._sender.part_bytes - self._used]
            # A view: a slice of the bytearray itself would copy what it is given once more.
            memoryview(self._buffer)[self._used : self._used + len(taken)] = taken
            self._used += len(taken)
            rest = rest[len(taken) :]
            if self._used == self._sender.part_bytes:
                self._flush()

    def end(self) -> Callable[[], WrittenFile]:
        """Send the last part; return a function that waits for all parts and returns the file."""
        if self._used or not self._sent:
            self._flush()
        elif self._buffer is not None:
            self._sender.give_back(self._buffer)
            self._buffer = None
        sent, sha256 = self._sent, self._sha.hexdigest()

        def wait() -> WrittenFile:
            parts = [future.result() for future in sent]
            return WrittenFile(parts, sum(part.size for part in parts), sha256)

        return wait

    def _flush(self) -> None:
        while self._checked < len(self._sent) and self._sent[self._checked].done():
            self._sent[self._checked].result()
            self._checked += 1
        number = len(self._sent) + 1
        buffer = self._buffer if self._buffer is not None else self._sender.buffer()
        self._sent.append(self._sender.send(self._write_part, number, buffer, self._used))
        self._buffer = None
        self._used = 0
