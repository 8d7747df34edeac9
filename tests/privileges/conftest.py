"""A bucket behind the documented policy of the worker, and an export in it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import faults_dsn, small_lab
from tests.privileges.guarded_s3 import GuardedS3
from tests.privileges.page import policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.exporting import Lab

__all__ = ["faults_dsn"]
WORKER, READER = "worker", "reader"
_numbers = count(1)


@pytest.fixture(scope="session")
def guarded_s3() -> Iterator[GuardedS3]:
    with GuardedS3() as server:
        yield server


@pytest.fixture
def guarded_bucket(guarded_s3: GuardedS3) -> Iterator[str]:
    """A versioned bucket, in which ``worker`` and ``reader`` have the page's policies."""
    name = f"guarded-{next(_numbers)}"
    guarded_s3.create_bucket(name)
    guarded_s3.asked.clear()
    guarded_s3.policies = {
        WORKER: policy("policy of the worker", name),
        READER: policy("policy of a reader", name),
    }
    yield name
    guarded_s3.policies, guarded_s3.keys = {}, {}


@pytest.fixture
def guarded_lab(faults_dsn: str, guarded_s3: GuardedS3, guarded_bucket: str) -> Lab:
    """A laboratory of the worker: 250 rows, files of 100."""
    return small_lab(faults_dsn, f"s3://{guarded_bucket}", lambda: guarded_s3.client_of(WORKER))
