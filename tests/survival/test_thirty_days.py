"""Business days with random faults, lists that shrink and grow, late corrections: equal to days without faults."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.figures import record, repeated
from tests.survival import small_night
from tests.survival.disturbances import Disturbed
from tests.survival.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.survival.surroundings import Client

#: With a month's end, and the change of the clocks, within thirty business days.
FIRST = date(2026, 2, 25)
FEW, MANY = 2, 30
#: Every so many days an earlier day is run again, behind a correction of the vault.
CORRECTED = 7


def business_days(count: int) -> Iterator[date]:
    """Yield days from :data:`FIRST` on, without week-ends."""
    day = FIRST
    while count:
        if day.weekday() < 5:
            count -= 1
            yield day
        day += timedelta(days=1)


def live(client: Client, twin: Client, days: Iterable[int], seed: int) -> Disturbed:
    """Let both clients have the same days, the first one with faults; compare them after each day."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    disturbed = Disturbed(client, random.Random(seed + 1))  # noqa: S311 - not for secrets
    seen = list(business_days(MANY))
    for number in days:
        day = seen[number]
        disturbed.days = number + 1
        runs: list[tuple[str, dict[str, Any]]] = [(f"scheduled {day}", {})]
        if number % CORRECTED == CORRECTED - 1:
            runs.append((f"correction {day}", {"business_date": chance.choice(seen[:number]).isoformat()}))
        for run_id, params in runs:
            text = small_night.fill(chance.randrange(1, small_night.MOST_ROWS), number + 1, chance.randrange(0, 9))
            for each in (client, twin):
                each.sql(text)
            moment = f"{day}T02:00:00+00:00"
            assert twin.worker.run(twin.order(run_id, moment, params=params)) == [0]
            disturbed.run(client.order(run_id, moment, params=params))
            assert client.result() == twin.result(), (run_id, disturbed.happened)
            assert client.leftovers() == {}, (run_id, disturbed.happened)
    return disturbed


def test_a_few_days_with_faults(new_client: Callable[[], Client]) -> None:
    client, twin = new_client(), new_client()
    with Watcher(client):
        assert live(client, twin, range(FEW), seed=5).happened


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_thirty_business_days_with_faults(new_client: Callable[[], Client]) -> None:
    client, twin, seed = new_client(), new_client(), 1
    with Watcher(client) as watcher:
        disturbed = live(client, twin, repeated(MANY, "thirty business days"), seed)
    record(
        "thirty business days", seed=seed, days=disturbed.days, attempts=disturbed.attempts,
        happened=disturbed.happened, looks=watcher.looks,
    )  # fmt: skip
