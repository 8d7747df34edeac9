"""Feeds and nights under a real scheduler for hours, with faults: ``python -m tests.survival.soak --hours 2``.

Measures, again and again, memory of each process, sessions, open uploads, sizes of tables, bytes of logs; writes
``build/soak.json`` and ends with status 1 where something has grown. Faults end a tenth of the time before its end, so
that what they left has to go by itself.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.faults.faulty_s3 import Fault
from tests.stack.project import dag_id
from tests.survival import kill_points, small_night
from tests.survival.disturbances import CUT
from tests.survival.soak_measures import growth, measure
from tests.survival.soak_stack import FEED, NIGHT, SHOP, Soak, soak_stack
from tests.survival.watcher import Watcher

FAULTS = ("task killed", "sessions cut", "store slows down", "store resets", "broker cut off", "feed's task killed")
#: Seconds between two faults, two batches of orders, two measurements.
FAULT_EVERY, ORDERS_EVERY, MEASURE_EVERY = 20.0, 5.0, 20.0
ORDERS = 20


class Weather:
    """Lets things happen at random until it is told to be calm."""

    def __init__(self, soak: Soak, seed: int) -> None:
        self._soak = soak
        self._chance = random.Random(seed)  # noqa: S311 - not for secrets
        self.happened: Counter[str] = Counter()

    def strike(self) -> None:
        """Let one thing happen."""
        kind = self._chance.choice(FAULTS)
        done = self._strike(kind)
        self.happened[kind if done else f"{kind}: nothing to hit"] += 1

    def _strike(self, kind: str) -> bool:
        soak = self._soak
        if kind == "task killed":
            kill_points.light(soak.points / dag_id(NIGHT), self._chance.choice(kill_points.NAMES))
            return True
        if kind == "feed's task killed":
            return soak.kill_a_feed(self._chance)
        if kind == "sessions cut":
            return sum(len(soak.clients[name].sql(CUT)) for name in (NIGHT, SHOP)) > 0
        if kind == "broker cut off":
            soak.broker.cut()
            return True
        what: str | int = 503 if kind == "store slows down" else "reset"
        operations = ("upload part", "complete upload", "put manifest", "get manifest", "create upload", "put lock")
        soak.s3.faults = [Fault(self._chance.choice(operations), what, times=2)]
        return True


def nights(soak: Soak, over: threading.Event, counts: Counter[str]) -> None:
    """Run one night after the other, each with other data."""
    number = 0
    while not over.is_set():
        number += 1
        for name in (NIGHT, SHOP):
            if name == NIGHT:
                soak.clients[name].sql(small_night.fill((50, 130, 90)[number % 3], number % 50 + 1))
            run_id = soak.stack.trigger(dag_id(name))
            counts[soak.stack.ended(dag_id(name), run_id)] += 1


def live(soak: Soak, seconds: float, seed: int) -> dict[str, Any]:
    """Let *seconds* pass; return all figures."""
    weather, over, counts = Weather(soak, seed), threading.Event(), Counter[str]()
    samples: list[dict[str, Any]] = []
    worker = threading.Thread(target=nights, args=(soak, over, counts), daemon=True)
    worker.start()
    begin = time.monotonic()
    due = {"fault": FAULT_EVERY, "orders": 0.0, "measure": 0.0}
    while (passed := time.monotonic() - begin) < seconds:
        if passed >= due["fault"] and passed < 0.9 * seconds:
            due["fault"] += FAULT_EVERY
            weather.strike()
        if passed >= due["orders"]:
            due["orders"] = passed + ORDERS_EVERY
            counts["orders"] += soak.produce(ORDERS)
        if passed >= due["measure"]:
            due["measure"] = passed + MEASURE_EVERY
            samples.append({"second": round(passed)} | measure(soak, counts["success"] + counts["failed"]))
            print(json.dumps(samples[-1]), file=sys.stderr, flush=True)
        time.sleep(0.5)
    soak.s3.faults = []
    over.set()
    worker.join()
    feeds = soak.stack.run_states(FEED)
    return {
        "seconds": round(seconds), "seed": seed, "nights": dict(counts), "feed runs": feeds,
        "faults": dict(weather.happened), "left": soak.left(), "grown": growth(samples), "samples": samples,
    }  # fmt: skip


def main() -> None:
    """Live through it, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bda-soak-") as folder, soak_stack(Path(folder) / "stack") as soak:
        with Watcher(soak.clients[NIGHT]) as watcher:
            found = live(soak, options.hours * 3600, options.seed)
        found["looks at the manifest"] = watcher.looks
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/soak.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "samples"}, indent=2))
    wrong = {"grown": found["grown"], "left": found["left"]}
    if any(wrong.values()) or not found["nights"].get("success"):
        sys.exit(f"something has grown, was left, or no night succeeded: {wrong}")


if __name__ == "__main__":
    main()
