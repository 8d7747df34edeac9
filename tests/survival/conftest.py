"""A server, a store that fails on demand, and clients on both whose nights run in processes that may be killed."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.faults.faulty_s3 import FaultyS3
from tests.survival.surroundings import Client, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def survival_s3() -> Iterator[FaultyS3]:
    with FaultyS3() as server:
        yield server


@pytest.fixture(scope="session")
def readers_s3(survival_s3: FaultyS3) -> Iterator[FaultyS3]:
    """A second door to the buckets of the first: moto keeps them for all servers of a process."""
    with FaultyS3() as server:
        assert server.url != survival_s3.url
        yield server


@pytest.fixture(scope="session")
def worker(
    postgres: EmbeddedPostgres, survival_s3: FaultyS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    process = Worker(tmp_path_factory.mktemp("worker"), postgres, survival_s3)
    yield process
    process.close()


@pytest.fixture
def new_client(
    postgres: EmbeddedPostgres,
    survival_s3: FaultyS3,
    readers_s3: FaultyS3,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Client]:
    """Return a function that makes a client whose warehouse and bucket are empty."""

    def create() -> Client:
        bucket = f"survival-{next(_numbers)}"
        survival_s3.create_bucket(bucket)
        client = Client.make(postgres, survival_s3, bucket, tmp_path_factory.mktemp("client"), worker)
        client.reader = readers_s3
        return client

    return create
