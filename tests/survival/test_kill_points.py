"""SIGKILL at every step of a night: the retry ends as an undisturbed night does, readers see whole runs only."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.night.phases import DAG_PHASES
from tests.faults.figures import ROUNDS, record, repeated
from tests.survival import kill_points, small_night
from tests.survival.kill_points import NAMES
from tests.survival.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.survival.surroundings import Client

#: Every so many-th point in ``make test``; all of them in ``make test-faults``.
SOME = NAMES[6::8]


def shape(number: int) -> str:
    """Return the vault's state of a round: more and fewer files in turns."""
    return small_night.fill((50, 130, 90)[number % 3], factor=number + 1)


def killed_round(client: Client, twin: Client, number: int, names: Sequence[str] = NAMES) -> int:
    """Kill one run at each of the points, once; return how often it died."""
    for each in (client, twin):
        each.sql(shape(number))
    points = client.folder / "points" / str(number)
    kill_points.light(points, *names)
    order = client.order(f"run {number}", small_night.moment(number), points=str(points))
    deaths = 0
    while (code := client.worker.run(order)[0]) == -signal.SIGKILL:
        deaths += 1
    assert code == 0, client.errors(order)
    assert kill_points.fired(points) == set(names)
    assert twin.worker.run(twin.order(f"run {number}", order.moment)) == [0]
    assert client.result() == twin.result()
    assert client.leftovers() == {}
    return deaths


def test_a_night_that_is_killed_at_some_steps(new_client: Callable[[], Client]) -> None:
    client, twin = new_client(), new_client()
    client.sql(shape(2))
    assert client.worker.run(client.order("before", small_night.moment(-1))) == [0]
    twin.sql(shape(2))
    assert twin.worker.run(twin.order("before", small_night.moment(-1))) == [0]
    with Watcher(client) as watcher:
        assert killed_round(client, twin, 0, SOME) == len(SOME)
    assert watcher.runs == ["before", "run 0"]


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_rounds_at_every_step(new_client: Callable[[], Client]) -> None:
    client, twin, rounds = new_client(), new_client(), 0
    with Watcher(client) as watcher:
        deaths = 0
        for number in repeated(ROUNDS, "a night killed at every step"):
            deaths, rounds = deaths + killed_round(client, twin, number), number + 1
    assert watcher.runs == [f"run {number}" for number in range(rounds)]
    record("a night killed at every step", points=len(NAMES), rounds=rounds, deaths=deaths, looks=watcher.looks)


def test_there_is_a_point_in_each_phase() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 16
    assert {point.task for point in kill_points.POINTS} == {"start", *DAG_PHASES, "finish"}
