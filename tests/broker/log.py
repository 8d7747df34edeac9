"""The log of a partition: record batches as they came, transactions and their ends."""

from __future__ import annotations

import struct
import time
from bisect import bisect_right
from dataclasses import dataclass, field

# baseOffset, length, leader epoch, magic, crc, attributes, last offset delta, two timestamps, producer, epoch,
# sequence, records.
HEADER = struct.Struct(">qiibIhiqqqhii")
TRANSACTIONAL, CONTROL = 0x10, 0x20


@dataclass(frozen=True)
class Batch:
    """One record batch; *data* has its offsets in place."""

    first: int
    last: int
    data: bytes
    timestamp: int
    producer: int = -1
    transactional: bool = False


@dataclass
class Log:
    """One partition; not safe for threads, the server has the lock."""

    start: int = 0
    end: int = 0
    batches: list[Batch] = field(default_factory=list)
    #: producer -> first offset of its open transaction.
    open: dict[int, int] = field(default_factory=dict)
    #: (producer, first offset, offset of its marker) of each aborted transaction.
    aborted: list[tuple[int, int, int]] = field(default_factory=list)
    #: (producer, epoch) -> sequence number of its last batches -> offset.
    sequences: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)

    @property
    def stable(self) -> int:
        """The first offset that read-committed readers do not see yet."""
        return min(self.open.values(), default=self.end)

    def append(self, data: bytes) -> int:
        """Add the batches in *data*; return the offset of the first."""
        first = self.end
        at = 0
        while at < len(data):
            fields = HEADER.unpack_from(data, at)
            size = 12 + fields[1]
            first = min(first, self._append(data[at : at + size], fields)) if at else self._append(data[:size], fields)
            at += size
        return first

    def _append(self, data: bytes, fields: tuple[int, ...]) -> int:
        attributes, last_delta, timestamp = fields[5], fields[6], fields[8]
        producer, epoch, sequence = fields[9], fields[10], fields[11]
        if producer >= 0:
            known = self.sequences.setdefault((producer, epoch), {})
            if sequence in known:
                return known[sequence]  # sent again: the answer was lost
            known[sequence] = self.end
            while len(known) > 5:
                known.pop(next(iter(known)))
        offset = self.end
        transactional = bool(attributes & TRANSACTIONAL)
        if transactional:
            self.open.setdefault(producer, offset)
        placed = struct.pack(">q", offset) + data[8:]
        self.batches.append(Batch(offset, offset + last_delta, placed, timestamp, producer, transactional))
        self.end = offset + last_delta + 1
        return offset

    def end_transaction(self, producer: int, epoch: int, *, commit: bool) -> None:
        """Write the marker that commits or aborts the producer's transaction, if it has one here."""
        first = self.open.pop(producer, None)
        if first is None:
            return
        if not commit:
            self.aborted.append((producer, first, self.end))
        now = int(time.time() * 1000)
        # A record: length 16 as zigzag varint, no attributes, deltas 0, key (version 0, type), empty value, no headers.
        body = b"\x00\x00\x00\x08" + struct.pack(">hh", 0, int(commit)) + b"\x0c" + struct.pack(">hi", 0, 0) + b"\x00"
        record = bytes([len(body) * 2]) + body
        attributes = TRANSACTIONAL | CONTROL
        length = HEADER.size - 12 + len(record)
        fields = (self.end, length, 0, 2, 0, attributes, 0, now, now, producer, epoch, -1, 1)
        self.batches.append(Batch(self.end, self.end, HEADER.pack(*fields) + record, now, producer, False))
        self.end += 1

    def read(self, offset: int, most: int, *, committed: bool) -> tuple[list[bytes], list[tuple[int, int]]]:
        """Return batches from *offset* on, at least one, and the aborted transactions that reach into them."""
        limit = self.stable if committed else self.end
        at = max(0, bisect_right(self.batches, offset, key=lambda batch: batch.first) - 1)
        found: list[bytes] = []
        size = 0
        last = offset
        for batch in self.batches[at:]:
            if batch.last < offset:
                continue
            if batch.first >= limit or (found and size + len(batch.data) > most):
                break
            found.append(batch.data)
            size += len(batch.data)
            last = batch.last
        aborted = [(producer, first) for producer, first, end in self.aborted if first <= last and end >= offset]
        return found, aborted if committed else []

    def trim(self, offset: int) -> None:
        """Delete the batches before *offset*, as retention does."""
        self.start = offset
        self.batches = [batch for batch in self.batches if batch.last >= offset]
