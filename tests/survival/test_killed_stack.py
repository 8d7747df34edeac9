"""SIGKILL of task processes and of the scheduler under a real executor, at every step of a night, again and again.

As root, Airflow's root file system is read-only there, as in its pods.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.figures import ROUNDS, record, repeated
from tests.survival import small_night
from tests.survival.kill_points import NAMES
from tests.survival.killed_stack import KilledStack, killed_stack
from tests.survival.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.faults, pytest.mark.timeout(4 * 3600)]
#: The first and every so many-th round the scheduler dies, too.
SCHEDULER_DIES = 5
#: How many points of a run without retries: each costs the run's end, and somebody who clears it.
CLEARED_POINTS = 2


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledStack]:
    with killed_stack(tmp_path_factory.mktemp("killed") / "stack") as stack:
        yield stack


def as_undisturbed(killed: KilledStack, runs: dict[str, str], points: dict[str, list[str]]) -> Counter[str]:
    """Compare the clients whose runs have died at *points* with the one that was left alone; return the deaths."""
    expected, deaths = killed.clients["twin"].result(), Counter[str]()
    for name, wanted in points.items():
        client = killed.clients[name]
        manifest = client.manifest()
        assert manifest is not None
        assert manifest.run_id == runs[name]
        assert client.result() == expected, name
        assert client.leftovers() == {}, name
        died = killed.fired(name)
        assert died == set(wanted), name
        deaths.update(f"{name}: {point}" for point in died)
    return deaths


def test_twenty_rounds_under_a_real_executor(killed: KilledStack) -> None:
    """Each round: one client is killed at every step once and retried, one at some and cleared, one is left alone."""
    deaths: Counter[str] = Counter()
    chance = random.Random(16)  # noqa: S311 - not for secrets
    left, rounds, schedulers = list(NAMES), 0, 0
    with Watcher(killed.clients["killed"]) as watcher, Watcher(killed.clients["cleared"]) as other:
        for number in repeated(ROUNDS, "killed under a real executor"):
            text = small_night.fill((50, 130, 90)[number % 3], factor=number + 1)
            for client in killed.clients.values():
                client.sql(text)
            killed.arm("killed", *NAMES)
            some = [left.pop(0) for _ in range(min(CLEARED_POINTS, len(left)))]
            killed.arm("cleared", *some)
            runs = {name: killed.run(name) for name in ("cleared", "twin")}
            dies = number % SCHEDULER_DIES == 0
            kill = partial(killed.kill_scheduler, "killed", chance)
            runs["killed"] = killed.run("killed", *([kill] if dies else []))
            deaths += as_undisturbed(killed, runs, {"killed": list(NAMES), "cleared": some})
            assert watcher.runs[-1] == runs["killed"]
            rounds, schedulers = number + 1, schedulers + dies
    record(
        "killed under a real executor", points=len(NAMES), rounds=rounds, deaths=deaths.total(),
        cleared=sum(count for name, count in deaths.items() if name.startswith("cleared")),
        scheduler_killed=schedulers, read_only_root=killed.read_only, looks=watcher.looks + other.looks,
    )  # fmt: skip
