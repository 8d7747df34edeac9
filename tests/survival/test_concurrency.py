"""Two nights of a client at once, and a task that Airflow has given up beside its successor: one wins, nothing is half.

Meetings at one place in ``make test``, a hundred races each in ``make test-faults``.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.figures import RACES, record, repeated
from tests.survival import small_night
from tests.survival.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.survival.night_child import Order
    from tests.survival.surroundings import Client

#: So many races in which the runs have never met say nothing.
ENOUGH = 10
#: What a task that is given up may be in the middle of; the first one has the lock taken by then.
TASKS = (
    "prechecks.bookkeeper", "init.bookkeeper.020_list", "audits.bookkeeper",
    "release.bookkeeper.010_publish_bookkeeper_results", "post.bookkeeper.010_books",
    "export.bookkeeper_results.plan", "export.bookkeeper_results.chunk", "export.customer_claims.plan",
    "publish.publish", "publish.abort_uploads", "history.bookkeeper.010_keep_business_day",
    "cleanup.bookkeeper.010_drop", "cleanup.sweep_uploads", "finish",
)  # fmt: skip
MOST_CLEARINGS = 3


@pytest.fixture
def pair(new_client: Callable[[], Client]) -> tuple[Client, Client]:
    """A client, and its twin that is never disturbed."""
    return new_client(), new_client()


def fill(pair: tuple[Client, Client], number: int) -> str:
    """Give both the same new data; return the moment of the night."""
    for client in pair:
        client.sql(small_night.fill((50, 130, 90)[number % 3], factor=number + 1))
    return small_night.moment(number)


def to_its_end(client: Client, order: Order, code: int) -> int:
    """Clear a failed run as the runbook says until it succeeds; return how often that was needed."""
    clearings = 0
    while code != 0:
        clearings += 1
        assert clearings <= MOST_CLEARINGS, client.errors(order)
        (code,) = client.worker.run(replace(order, cleared=client.way_out(order)))
    return clearings


def assert_refused(client: Client, order: Order, holder: Order) -> None:
    """A run has failed in its first task, and the message names the run that has the client."""
    (refused,) = client.errors(order).splitlines()
    assert refused.startswith("start: AirflowFailException: ")
    assert f"is taken by run {holder.run_id} of" in refused
    assert f"in the Airflow {holder.deployment}," in refused


def race_of_runs(pair: tuple[Client, Client], number: int, names: tuple[dict[str, Any], dict[str, Any]]) -> int:
    """Start two runs of one night at once; return how many of them were refused."""
    client, twin = pair
    moment = fill(pair, number)
    assert twin.worker.run(twin.order(f"night {number}", moment)) == [0]
    orders = [client.order(**{"run_id": f"night {number}", "moment": moment} | each) for each in names]
    codes = client.worker.run(*orders)
    assert 0 in codes, [client.errors(order) for order in orders]
    for order, other, code in zip(orders, reversed(orders), codes, strict=True):
        if code != 0:
            assert_refused(client, order, other)
            assert code == 1
    assert client.result() == twin.result()
    assert client.leftovers() == {}
    return sum(code != 0 for code in codes)


def races_of_runs(pair: tuple[Client, Client], races: int, what: str, *names: dict[str, Any]) -> None:
    refused = done = 0
    with Watcher(pair[0]) as watcher:
        for number in repeated(races, what):
            runs = [
                {name: f"{value} {number}" if name == "run_id" else value for name, value in own.items()}
                | {"kept": str(pair[0].folder / "runs" / f"{number} {place}")}
                for place, own in enumerate(names)
            ]
            refused, done = refused + race_of_runs(pair, number, (runs[0], runs[1])), number + 1
    assert refused > 0 or done < ENOUGH, "the runs have never met"
    record(what, races=done, refused=refused, looks=watcher.looks)


SCHEDULED_AND_MANUAL = ({"run_id": "scheduled__1"}, {"run_id": "manual__1"})
TWO_DEPLOYMENTS = ({"deployment": "airflow-one"}, {"deployment": "airflow-two"})


@pytest.mark.parametrize("names", [SCHEDULED_AND_MANUAL, TWO_DEPLOYMENTS], ids=["scheduled and manual", "deployments"])
def test_of_two_runs_at_once_one_is_refused(pair: tuple[Client, Client], names: Any) -> None:
    """The second one comes when the first is about to publish."""
    client, twin = pair
    moment = fill(pair, 1)
    first, second = (client.order(**{"run_id": "night", "moment": moment, "kept": str(client.folder / f"runs/{place}")}
                                  | own) for place, own in enumerate(names))  # fmt: skip
    assert client.worker.run(replace(first, until="publish.publish")) == [0]
    assert client.worker.run(second) == [1]
    assert_refused(client, second, first)
    assert client.worker.run(first) == [0]
    assert twin.worker.run(twin.order("night", moment)) == [0]
    assert client.result() == twin.result()
    assert client.leftovers() == {}


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_hundred_times_scheduled_and_manual_at_once(pair: tuple[Client, Client]) -> None:
    races_of_runs(pair, RACES, "scheduled and manual at once", *SCHEDULED_AND_MANUAL)


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_hundred_times_two_deployments_at_once(pair: tuple[Client, Client]) -> None:
    races_of_runs(pair, RACES, "two deployments at once", *TWO_DEPLOYMENTS)


def race_with_the_dead(pair: tuple[Client, Client], number: int, task: str) -> int:
    """Run a night whose *task* is still running when Airflow starts it again; return how often it was cleared."""
    client, twin = pair
    moment = fill(pair, number)
    assert twin.worker.run(twin.order(f"night {number}", moment)) == [0]
    order = client.order(f"night {number}", moment, retries=2, first_try=2)
    assert client.worker.run(client.order(f"night {number}", moment, until=task)) == [0]
    dead = client.order(f"night {number}", moment, only=task)
    codes = client.worker.run(dead, order)
    assert -9 not in codes
    clearings = to_its_end(client, order, codes[1])
    manifest = client.manifest()
    assert manifest is not None
    assert manifest.run_id == order.run_id
    assert client.result() == twin.result(), (task, client.errors(order))
    assert client.leftovers() == {}, task
    return clearings


def test_a_retry_beside_its_dead_predecessor(pair: tuple[Client, Client]) -> None:
    with Watcher(pair[0]):
        race_with_the_dead(pair, 1, "publish.publish")


@pytest.mark.parametrize("task", ["export.bookkeeper_results.plan", "export.customer_claims.plan"])
def test_a_plan_that_wakes_up_behind_its_successor(pair: tuple[Client, Client], task: str) -> None:
    """It had hung, was given up, and goes on when its successor's files are being written: nobody clears anything."""
    client, twin = pair
    moment = fill(pair, 1)
    assert twin.worker.run(twin.order("night", moment)) == [0]
    order = client.order("night", moment, first_try=2)
    assert client.worker.run(replace(order, until=task.replace(".plan", ".chunk"))) == [0]
    assert client.worker.run(replace(order, only=task, first_try=1, begun_before=6 * 3600)) == [0]
    assert client.worker.run(order) == [0], client.errors(order)
    assert client.result() == twin.result()
    assert client.leftovers() == {}


SCRIPT_TASKS = (
    "init.bookkeeper.020_list", "release.bookkeeper.010_publish_bookkeeper_results", "post.bookkeeper.010_books",
    "history.bookkeeper.010_keep_business_day", "cleanup.bookkeeper.010_drop",
)  # fmt: skip


@pytest.mark.parametrize("until", ["audits.bookkeeper", "cleanup.sweep_uploads", ""])
def test_a_script_that_wakes_up_behind_its_successor(pair: tuple[Client, Client], until: str) -> None:
    """A table that is built behind its audits is not released, nor left behind a run that has ended."""
    client, twin = pair
    moment = fill(pair, 1)
    assert twin.worker.run(twin.order("night", moment)) == [0]
    order = client.order("night", moment, first_try=2)
    assert client.worker.run(replace(order, until=until)) == [0]
    before = client.built()
    for task in SCRIPT_TASKS[:1] if until == "audits.bookkeeper" else SCRIPT_TASKS:
        client.worker.run(replace(order, only=task, first_try=1))
        assert f"try 2 of {task} has begun, this is try 1" in client.errors(order).splitlines()[-1]
    assert client.built() == before
    assert client.worker.run(order) == [0]
    assert client.result() == twin.result()
    assert client.leftovers() == {}


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_hundred_times_a_retry_beside_its_dead_predecessor(pair: tuple[Client, Client]) -> None:
    tasks = random.Random(4).sample(TASKS, len(TASKS))  # noqa: S311 - not for secrets
    with Watcher(pair[0]) as watcher:
        what = "a retry beside its dead predecessor"
        cleared = [race_with_the_dead(pair, number, tasks[number % len(tasks)]) for number in repeated(RACES, what)]
    record(what, races=len(cleared), cleared=sum(cleared), looks=watcher.looks)
