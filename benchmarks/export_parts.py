"""Where the CPU seconds of a worker go: each part of its work alone, on as many bytes as the export has."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from billing_aggregator.export.store.protocol import Upload
from billing_aggregator.s3.answers import crc32_base64

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.store.protocol import Store

PART_BYTES = 8 << 20
#: What a read of the socket brings: it is in the processor's cache when it is hashed and copied.
BLOCK_BYTES = 128 << 10
MILLION = 1_000_000


def parts_of_a_worker(store: Store, rows: int, size: int, receiving: float, whole: float) -> dict[str, float]:
    """Return part → CPU seconds for 1,000,000 rows.

    :param size: bytes of the export.
    :param receiving: CPU seconds of receiving alone.
    :param whole: CPU seconds of one worker.
    """
    part, block = bytearray(PART_BYTES), bytearray(BLOCK_BYTES)
    sha, view = hashlib.sha256(), memoryview(part)
    upload = Upload("parts", "parts", "")

    def copy() -> None:
        view[:BLOCK_BYTES] = block

    alone = {
        "receiving": receiving,
        "SHA-256": _cpu(lambda: sha.update(block), size / BLOCK_BYTES),
        "copying into parts": _cpu(copy, size / BLOCK_BYTES),
        "CRC-32": _cpu(lambda: crc32_base64(part), size / PART_BYTES),
    }
    both = _cpu(lambda: store.write_part(upload, 1, part, PART_BYTES), size / PART_BYTES)
    alone["request and sending"] = both - alone["CRC-32"]
    alone["rest"] = whole - sum(alone.values())
    return {name: seconds * MILLION / rows for name, seconds in (alone | {"one worker": whole}).items()}


def _cpu(work: Callable[[], Any], times: float) -> float:
    """Return the CPU seconds of doing *work* so many times, from as many as take long enough to be measured."""
    work()
    done, started, spent = 0, time.process_time(), 0.0
    while spent < 0.2:
        work()
        done += 1
        spent = time.process_time() - started
    return spent / done * times
