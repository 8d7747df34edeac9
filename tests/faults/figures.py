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
FIGURES = ROOT / "build" / "test-faults.jsonl"
_LOCK = threading.Lock()


def repeated(wanted: int, share: float) -> Iterator[int]:
    """Yield numbers from 0 on: *wanted* of them, or as many as can begin within a share of the minutes; one at least.

    The test's figures say how many there were: what a slow machine leaves out is seen there.
    """
    end = time.monotonic() + share * MINUTES * 60
    for number in range(wanted):
        if number and MINUTES and time.monotonic() > end:
            return
        yield number


def record(test: str, **figures: Any) -> None:
    """Add a line to the file of figures and print it."""
    line = json.dumps({"test": test} | figures, sort_keys=True)
    with _LOCK:
        FIGURES.parent.mkdir(exist_ok=True)
        with FIGURES.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    print(line)
