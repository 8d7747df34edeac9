"""The network between the workers and the data goes away in the middle of a night, without a word to anybody."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.deploy.support import missing_tool
from tests.faults.faulty_s3 import FaultyS3
from tests.faults.figures import ROUNDS, record, repeated
from tests.stack.project import dag_id
from tests.survival import small_night
from tests.survival.killed_stack import killed_stack, wait_for_tasks
from tests.survival.network import THERE, Network, possible, start_postgres
from tests.survival.surroundings import Client, Worker
from tests.survival.watcher import Watcher
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.survival.night_child import Order

pytestmark = [pytest.mark.faults, pytest.mark.timeout(4 * 3600)]
#: How long the cable is out, in turns: longer than keepalives; longer than a time-out of S3's connections.
AWAY_SECONDS = (75.0, 12.0)
MOST_CLEARINGS = 12


@pytest.fixture
def data_centre() -> Iterator[tuple[Network, EmbeddedPostgres, FaultyS3]]:
    """The cable, and the server and the store behind it."""
    problem = possible()
    if problem:
        missing_tool(f"the network is not switched off: {problem}")
    with Network() as network:
        server = start_postgres(network)
        try:
            with network.inside(lambda: FaultyS3(THERE)) as s3:
                yield network, server, s3
        finally:
            network.plug()
            server.stop()


@pytest.fixture
def far(
    data_centre: tuple[Network, EmbeddedPostgres, FaultyS3],
    tmp_path_factory: pytest.TempPathFactory,
    readers_s3: FaultyS3,
) -> Iterator[tuple[Network, Client, Client]]:
    """The cable, and two clients whose warehouse and bucket are behind it; readers have another way to the bucket."""
    network, server, s3 = data_centre
    worker = Worker(tmp_path_factory.mktemp("far"), server, s3)
    try:
        clients = []
        for name in ("far", "fartwin"):
            s3.create_bucket(f"bucket-{name}")
            client = Client.make(server, s3, f"bucket-{name}", tmp_path_factory.mktemp(name), worker, name)
            client.reader = readers_s3
            clients.append(client)
        yield network, clients[0], clients[1]
    finally:
        network.plug()
        worker.close()


def night(network: Network, client: Client, order: Order, chance: random.Random, away: float) -> tuple[int, bool]:
    """Pull the cable somewhere in the night, clear the run until it succeeds.

    Return how often that was needed, and whether the night was still running when the cable was out.
    """
    codes: list[int] = []
    run = threading.Thread(target=lambda: codes.extend(client.worker.run(order)))
    run.start()
    done = chance.randrange(1, 14)
    kept = client.folder / "runs" / order.kept.rpartition("/")[2]
    wait_for(lambda: len(list(kept.glob("*.json"))) >= done or not run.is_alive(), f"{done} tasks have ended")
    network.pull()
    met = run.is_alive()
    time.sleep(away)
    network.plug()
    run.join()
    clearings = 0
    while codes[-1] != 0:
        clearings += 1
        assert clearings <= MOST_CLEARINGS, client.errors(order)
        codes += client.worker.run(order)
    return clearings, met


def test_the_network_is_switched_off_in_the_middle_of_a_night(far: tuple[Network, Client, Client]) -> None:
    network, client, twin = far
    chance = random.Random(3)  # noqa: S311 - not for secrets
    cleared = errors = met = rounds = 0
    with Watcher(client) as watcher:
        for number in repeated(ROUNDS, "network switched off"):
            for each in (client, twin):
                each.sql(small_night.fill((50, 130, 90)[number % 3], number + 1))
            moment = small_night.moment(number)
            assert twin.worker.run(twin.order(f"night {number}", moment)) == [0]
            order = client.order(f"night {number}", moment, retries=1)
            clearings, in_the_middle = night(network, client, order, chance, AWAY_SECONDS[number % 2])
            cleared, met, rounds = cleared + clearings, met + in_the_middle, number + 1
            errors += len(client.errors(order).splitlines())
            assert client.result() == twin.result()
            assert client.leftovers() == {}
    assert met > 0
    record("network switched off", rounds=rounds, met=met, cleared=cleared, errors=errors, looks=watcher.looks)


@pytest.mark.stack
def test_the_network_is_switched_off_under_a_real_executor(
    data_centre: tuple[Network, EmbeddedPostgres, FaultyS3], readers_s3: FaultyS3, tmp_path: Path
) -> None:
    """Airflow itself goes on: its tasks lose the warehouse and the bucket, and are retried by the scheduler."""
    network, server, s3 = data_centre
    chance, what, rounds, retried = random.Random(6), "network switched off under a real executor", 0, 0  # noqa: S311
    with killed_stack(tmp_path / "stack", server, s3) as killed:
        for client in killed.clients.values():
            client.reader = readers_s3

        def away() -> None:
            wait_for_tasks(killed, "killed", chance.randrange(1, 14))
            network.pull()
            time.sleep(AWAY_SECONDS[rounds % 2])
            network.plug()

        with Watcher(killed.clients["killed"]) as watcher:
            for number in repeated(ROUNDS, what):
                for client in killed.clients.values():
                    client.sql(small_night.fill((50, 130, 90)[number % 3], factor=number + 1))
                runs = {"twin": killed.run("twin"), "killed": killed.run("killed", away)}
                tasks = killed.stack.tasks(dag_id("killed"), runs["killed"]).values()
                retried += sum(task["try_number"] > 1 for task in tasks)
                assert killed.clients["killed"].result() == killed.clients["twin"].result()
                assert killed.clients["killed"].leftovers() == {}
                rounds = number + 1
    record(what, rounds=rounds, retried=retried, looks=watcher.looks)
