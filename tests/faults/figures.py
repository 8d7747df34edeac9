"""How often the long forms repeat what they try, and where they write their figures."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from tests.conftest import ROOT

#: Of each kill point, and of each race: ``make test-faults ROUNDS=20 RACES=100``.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
RACES = int(os.environ.get("FAULT_RACES", "100"))
FIGURES = ROOT / "build" / "test-faults.jsonl"
_LOCK = threading.Lock()


def record(test: str, **figures: Any) -> None:
    """Add a line to the file of figures and print it."""
    line = json.dumps({"test": test} | figures, sort_keys=True)
    with _LOCK:
        FIGURES.parent.mkdir(exist_ok=True)
        with FIGURES.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    print(line)
