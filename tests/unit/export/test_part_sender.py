"""Bytes reach the store in parts of the right size, in order, with constant memory, and errors come out."""

from __future__ import annotations

import hashlib
import random
import threading
import time

import pytest

from billing_aggregator.export.copy.part_sender import FileUpload, PartSender
from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.store.protocol import Part

PART = 1000


class Sink:
    """Keeps parts; later parts arrive first."""

    def __init__(self, fail_at: int = 0, delay: float = 0.0) -> None:
        self.parts: dict[int, bytes] = {}
        self.fail_at = fail_at
        self.delay = delay
        self.most = self.now = 0
        self.lock = threading.Lock()

    def __call__(self, number: int, data: bytes | bytearray) -> Part:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.delay * (number % 2))
        with self.lock:
            self.now -= 1
        if number == self.fail_at:
            raise UploadError(f"part {number} is refused")
        self.parts[number] = bytes(data)
        return Part(number, len(data), "e", None)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 7 * PART + 13])
@pytest.mark.parametrize("piece", [1, 37, PART, 3 * PART + 5])
def test_all_bytes_arrive_in_parts(size: int, piece: int) -> None:
    data = random.Random(size).randbytes(size)  # noqa: S311
    sink = Sink(delay=0.001)
    with PartSender(2, PART) as sender:
        file = FileUpload(sender, sink, "f")
        for start in range(0, size, piece):
            file.write(data[start : start + piece])
        written = file.end()()
    assert b"".join(sink.parts[number] for number in sorted(sink.parts)) == data
    assert written.size == size
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert [part.size for part in written.parts[:-1]] == [PART] * (len(written.parts) - 1)
    assert [part.number for part in written.parts] == list(range(1, max(1, -(-size // PART)) + 1))


def test_several_files_share_buffers() -> None:
    first, second = Sink(delay=0.005), Sink()
    with PartSender(2, PART) as sender:
        waits = []
        for sink in (first, second):
            file = FileUpload(sender, sink, "f")
            for _ in range(10):
                file.write(b"x" * 700)
            waits.append(file.end())
        assert [wait().size for wait in waits] == [7000, 7000]
    assert max(first.most, second.most) <= 2


def send_all(
    sink: Sink, pieces: int, piece: bytes, *, threads: int = 2, part_bytes: int = PART, nap: float = 0.0
) -> None:
    with PartSender(threads, part_bytes) as sender:
        file = FileUpload(sender, sink, "f")
        for _ in range(pieces):
            file.write(piece)
            time.sleep(nap)
        file.end()()


@pytest.mark.parametrize("fail_at", [1, 3])
def test_a_part_that_fails_stops_the_reader(fail_at: int) -> None:
    sink = Sink(fail_at=fail_at)
    with pytest.raises(UploadError, match=f"part {fail_at} is refused"):
        send_all(sink, 100, b"x" * PART, nap=0.001)
    assert len(sink.parts) < 100


def test_a_last_part_that_fails_is_seen_at_the_end() -> None:
    with pytest.raises(UploadError):
        send_all(Sink(fail_at=1), 1, b"x")


def test_no_more_parts_than_s3_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing_aggregator.export.copy.part_sender.MOST_PARTS", 10)
    send_all(Sink(), 1, b"x" * 10, part_bytes=1)
    with pytest.raises(UploadError, match="more than 10 parts"):
        send_all(Sink(), 1, b"x" * 11, part_bytes=1)
