"""How often the long forms repeat what they try, how long they may take, and where they write their figures."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of each kill point, and of each race: ``make test-faults ROUNDS=20 RACES=100 MINUTES=40``.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
RACES = int(os.environ.get("FAULT_RACES", "100"))
#: What all of them share, so that the whole takes less than an hour on a slow machine too; 0: as long as it takes.
MINUTES = float(os.environ.get("FAULT_MINUTES", "40"))
#: Each long form's part of the minutes.
SHARES = {
    "killed under a real executor": 0.26,
    "network switched off under a real executor": 0.04,
    "network switched off": 0.08,
    "a night killed at every step": 0.08,
    "scheduled and manual at once": 0.06,
    "two deployments at once": 0.06,
    "a retry beside its dead predecessor": 0.1,
    "feed and night at once": 0.08,
    "thirty business days": 0.09,
    "backfill in any order": 0.03,
    "10 % 503": 0.01,
    "5 % 429": 0.01,
    "15 % resets": 0.01,
    "35 % slow": 0.01,
    "10 % lost replies": 0.01,
    "access denied": 0.01,
    "the bucket is gone": 0.01,
    "credentials that expire": 0.01,
    "connection cut by a proxy": 0.02,
    "session ended in a COPY": 0.02,
}
FIGURES = ROOT / "build" / "test-faults.jsonl"
_LOCK = threading.Lock()


def repeated(wanted: int, test: str) -> Iterator[int]:
    """Yield numbers from 0 on: *wanted* of them, or as many as can begin within the test's minutes; one at least.

    The test's figures say how many there were: what a slow machine leaves out is seen there.
    """
    end = time.monotonic() + SHARES[test] * MINUTES * 60
    for number in range(wanted):
        if number and MINUTES and time.monotonic() > end:
            return
        yield number


def counted(test: str) -> Iterator[int]:
    """Yield the number of each race, and record how many there were."""
    done = 0
    for number in repeated(RACES, test):
        yield number
        done = number + 1
    record(test, rounds=done)


def record(test: str, **figures: Any) -> None:
    """Add a line to the file of figures and print it."""
    line = json.dumps({"test": test} | figures, sort_keys=True)
    with _LOCK:
        FIGURES.parent.mkdir(exist_ok=True)
        with FIGURES.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    print(line)
