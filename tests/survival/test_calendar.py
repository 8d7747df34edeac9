"""Nights around changes of the clocks, leap days, ends of months and years; in any order; with clocks that jump."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import ClientConfig
from billing_aggregator.runs.params import default_params, resolve_params
from tests.faults.figures import record, repeated
from tests.survival import small_night

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.survival.surroundings import Client

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
#: Zone, moment of the change (UTC), hours ahead of UTC before and behind it: written down, not asked of a library.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00", 1, 2),
    ("Europe/Berlin", "2025-10-26T01:00", 2, 1),
    ("America/New_York", "2026-03-08T07:00", -5, -4),
    ("America/New_York", "2025-11-02T06:00", -4, -5),
    ("Australia/Lord_Howe", "2025-10-04T15:30", 10.5, 11),
    ("Australia/Lord_Howe", "2026-04-04T15:00", 11, 10.5),
]
#: Both changes of the clocks, a leap day, the ends of months, a quarter and years.
DAYS = (
    "2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31", "2025-01-01", "2025-03-30", "2025-03-31", "2025-10-26",
    "2025-10-27", "2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01",
)  # fmt: skip
#: In ``make test``.
FEW = DAYS[1:3]


def config(zone: str) -> ClientConfig:
    return ClientConfig(client="x", environment="local", s3_bucket="bucket", timezone=zone)


def business_date(client: ClientConfig, moment: datetime) -> date:
    run = SimpleNamespace(conf={}, logical_date=moment, run_after=moment)
    return resolve_params(client, {"params": default_params(client), "dag_run": run}).business_date


@pytest.mark.parametrize(("zone", "change", "before", "behind"), CHANGES)
def test_the_business_date_around_a_change_of_the_clocks(zone: str, change: str, before: float, behind: float) -> None:
    """Every quarter of an hour from two days before to two days behind it."""
    client, changes = config(zone), datetime.fromisoformat(change).replace(tzinfo=UTC)
    seen = []
    for step in range(-192, 193):
        moment = changes + step * QUARTER
        local = moment.replace(tzinfo=None) + (before if moment < changes else behind) * HOUR
        assert business_date(client, moment) == local.date(), moment
        seen.append(local.date())
    days = sorted(set(seen))
    assert [day - days[0] for day in days] == [timedelta(days=number) for number in range(len(days))]


def backfill(client: Client, days: Sequence[str]) -> None:
    """Run the nights of past days in the given order, each as its day's vault was; then a newest one with all claims.

    The books of a claim that is in no list any more stay as the night before left them, which another order changes.
    """
    client.config = {"retention_days": 36_500}
    for day in days:
        number = DAYS.index(day)
        client.sql(small_night.fill(20 + 11 * number, number + 1))
        order = client.order(f"backfill {day}", f"{day}T11:00:00+00:00", params={"business_date": day})
        assert client.worker.run(order) == [0], client.errors(order)
    client.sql(small_night.fill(20 + 11 * len(DAYS), 99))
    assert client.worker.run(client.order("newest", "2026-05-01T02:00:00+00:00")) == [0]


def equal(client: Client, twin: Client, days: Sequence[str]) -> None:
    """The days' rows are the same; the books reach the same balance on other ways."""
    assert {str(row[0]) for row in client.history()} == {*days, "2026-05-01"}
    one, other = client.result(), twin.result()
    assert balances(one.pop("books")) == balances(other.pop("books"))
    assert one == other
    assert client.leftovers() == twin.leftovers() == {}


def balances(postings: list[tuple[Any, ...]]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for claim, _line, _day, amount in postings:
        found[claim] = found.get(claim, 0) + amount
    return {claim: amount for claim, amount in found.items() if amount}


def test_a_backfill_in_another_order(new_client: Callable[[], Client]) -> None:
    client, twin = new_client(), new_client()
    backfill(client, FEW[::-1])
    backfill(twin, FEW)
    equal(client, twin, FEW)


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_backfill_in_any_order(new_client: Callable[[], Client]) -> None:
    twin, orders = new_client(), 0
    backfill(twin, DAYS)
    for seed in repeated(5, "backfill in any order"):
        orders, client, days = seed + 1, new_client(), list(DAYS)
        random.Random(seed).shuffle(days)  # noqa: S311 - not for secrets
        backfill(client, days)
        equal(client, twin, DAYS)
    record("backfill in any order", days=len(DAYS), orders=orders)


def test_clocks_of_workers_that_jump_to_and_fro(new_client: Callable[[], Client]) -> None:
    """A run belongs to the day on which it began, whatever the clocks of the workers of its other tasks say."""
    client, twin = new_client(), new_client()
    day = 24 * 3600
    clock = {"prechecks": -2 * day, "init": day, "release": -day, "export": -3 * day, "publish": -day, "finish": -day}
    now = datetime.now(UTC).isoformat()
    for each, wrong in ((client, clock), (twin, {})):
        each.sql(small_night.fill(90, 1))
        order = each.order("night", now, clock=wrong)
        assert each.worker.run(order) == [0], each.errors(order)
    assert client.result() == twin.result()
    assert client.leftovers() == {}


#: Where the first run is when it is overtaken -> what its next task says.
OVERTAKEN = {
    "audits.bookkeeper": 'relation "report_oibl.new_bookkeeper_results" does not exist',
    "publish.publish": "published since bookkeeper_results, customer/claims was planned: run second",
    "history.bookkeeper.010_keep_business_day": "Published by run second; this is run first",
}


@pytest.mark.parametrize(
    "task", [task if task == "publish.publish" else pytest.param(task, marks=pytest.mark.faults) for task in OVERTAKEN]
)
def test_a_lock_that_the_servers_clock_ended(new_client: Callable[[], Client], task: str) -> None:
    """Its clock jumps ahead between two tasks, another run takes the client over: the first one gives up in words."""
    client, twin = new_client(), new_client()
    for each in (client, twin):
        each.sql(small_night.fill(90, 1))
    moment = "2026-04-01T02:00:00+00:00"
    assert client.worker.run(client.order("first", moment, until=task)) == [0]
    client.sql("update report_oibl.aggregator_claims set lease_until = now() - interval '1 second'")
    client.sql(small_night.fill(90, 2))
    twin.sql(small_night.fill(90, 2))
    assert client.worker.run(client.order("second", moment)) == [0]
    assert twin.worker.run(twin.order("second", moment)) == [0]
    order = client.order("first", moment)
    assert client.worker.run(order) == [1]
    assert OVERTAKEN[task] in client.errors(order), client.errors(order)
    assert client.sql("select run_id from report_oibl.aggregator_claims") == []
    # What the first run has open stays for a day, in case that somebody clears it: nobody sees it.
    assert set(client.leftovers()) <= ({"uploads", "frozen"} if task == "publish.publish" else set())
    one, other = client.result(), twin.result()
    # What it had posted until then is of its own audited rows; the second run has posted the difference.
    assert balances(one.pop("books")) == balances(other.pop("books"))
    assert {**one, "tables": []} == {**other, "tables": []}
