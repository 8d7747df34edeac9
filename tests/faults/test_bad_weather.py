"""A share of all requests to S3 fails, of whatever kind: every export ends with the bytes of an undisturbed one."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.errors import ExportError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.s3 import ACCESS_KEY
from billing_aggregator.s3.errors import StoreRefusesError
from tests.faults.conftest import small_lab
from tests.faults.figures import record, repeated
from tests.faults.stormy_s3 import StormyS3

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
KINDS: dict[str, tuple[int | str, float]] = {
    "10 % 503": (503, 0.10),
    "5 % 429": (429, 0.05),
    "15 % resets": ("reset", 0.15),
    "35 % slow": ("slow", 0.35),
    "10 % lost replies": ("lost reply", 0.10),
}
BREAKS = {"access denied": 403, "the bucket is gone": 404}
#: Of each kind, in the long form.
EXPORTS = 50
#: What a run has at most.
REQUESTS = 18
_numbers = count(1)


@pytest.fixture(scope="module")
def stormy_s3() -> Iterator[StormyS3]:
    with StormyS3() as server:
        yield server


@pytest.fixture
def lab(faults_dsn: str, stormy_s3: StormyS3) -> Lab:
    """250 rows in files of 100, once published in good weather."""
    stormy_s3.weather()
    bucket = f"stormy-{next(_numbers)}"
    stormy_s3.create_bucket(bucket)
    lab = small_lab(faults_dsn, f"s3://{bucket}", stormy_s3.client)
    lab.whole_run([BOOK], lab.run("undisturbed"))
    return lab


def digests(lab: Lab) -> list[str]:
    return [file.sha256 for file in lab.manifest().exports["book"].files]


def export_in(lab: Lab, server: StormyS3, kind: str, exports: Iterable[int]) -> tuple[int, int]:
    """Export again and again while requests fail; look at the result in good weather.

    Return how many exports there were, and how many requests were spoiled.
    """
    expected = digests(lab)
    struck = done = 0
    for number in exports:
        server.weather(*KINDS[kind])
        lab.whole_run([BOOK], lab.run(f"export {number}"))
        struck, done = struck + server.struck, done + 1
        server.weather()
        assert lab.manifest().run_id == f"export {number}"
        assert digests(lab) == expected
        check_publication(lab.store, lab.manifest())
    assert struck > 0, "no request was spoiled"
    return done, struck


@pytest.mark.parametrize("kind", KINDS)
def test_every_export_has_the_same_bytes(lab: Lab, stormy_s3: StormyS3, kind: str) -> None:
    export_in(lab, stormy_s3, kind, range(2))


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_exports_have_the_same_bytes(lab: Lab, stormy_s3: StormyS3, kind: str) -> None:
    done, struck = export_in(lab, stormy_s3, kind, repeated(EXPORTS, kind))
    record(kind, exports=done, spoiled_requests=struck)


def broken_at(lab: Lab, server: StormyS3, kind: str, requests: int) -> bool:
    """Break everything after some requests of a run; tell whether that was before its end."""
    expected = digests(lab)
    run = lab.run(f"broken after {requests}")
    before = lab.manifest().run_id
    server.break_after(BREAKS[kind], requests)
    error: Exception | None = None
    try:
        lab.whole_run([BOOK], run)
    except (ClientError, ExportError, StoreRefusesError) as raised:
        error = raised
    server.weather()
    if error is None:
        return False
    assert classify(error) == "terminal", error
    assert any(word in str(error) for word in ("grant s3:", "NoSuchBucket")), error
    assert lab.manifest().run_id in (before, run.run_id)
    check_publication(lab.store, lab.manifest())
    # The same run: where it could not release the publication's lock, another one waits until the lock runs out.
    lab.whole_run([BOOK], run)
    assert (lab.manifest().run_id, digests(lab)) == (run.run_id, expected)
    return True


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("requests", [0, 6, 13])
def test_what_breaks_in_the_middle_is_said_and_the_next_try_publishes(
    lab: Lab, stormy_s3: StormyS3, kind: str, requests: int
) -> None:
    assert broken_at(lab, stormy_s3, kind, requests)


@pytest.mark.faults
@pytest.mark.parametrize("kind", BREAKS)
def test_what_breaks_anywhere(lab: Lab, stormy_s3: StormyS3, kind: str) -> None:
    """After each number of requests that a run has."""
    broken = [broken_at(lab, stormy_s3, kind, number * 7 % REQUESTS) for number in repeated(EXPORTS + 4, kind)]
    assert len(broken) <= EXPORTS or sum(broken) >= EXPORTS
    record(kind, runs=len(broken), broken=sum(broken))


def expire_at(lab: Lab, server: StormyS3, requests: int) -> None:
    """Let the key expire in the middle; the task's next try has a fresh one and goes on in the same uploads."""
    expected = digests(lab)
    bucket = lab.target.removeprefix("s3://")
    lab.store = open_store(lab.target, lambda: server.client_of("first-key"))
    plan = lab.plan(lab.run(f"expired after {requests}"), BOOK)
    states = lab.chunks(plan, range(requests))
    server.refused_keys = {"first-key"}
    with pytest.raises(ClientError, match="ExpiredToken") as error:
        lab.publish([plan], states + lab.chunks(plan, range(requests, len(plan.chunks))))
    assert classify(error.value) == "transient"
    lab.store = open_store(f"s3://{bucket}", lambda: server.client_of("second-key"))
    lab.publish([plan], states + lab.chunks(plan, range(requests, len(plan.chunks))))
    assert digests(lab) == expected
    assert lab.open_uploads() == []


@pytest.mark.parametrize("requests", range(4))
def test_credentials_that_expire_in_the_middle(lab: Lab, stormy_s3: StormyS3, requests: int) -> None:
    expire_at(lab, stormy_s3, requests)


@pytest.mark.faults
def test_credentials_that_expire_fifty_times(lab: Lab, stormy_s3: StormyS3) -> None:
    done = 0
    for number in repeated(EXPORTS, "credentials that expire"):
        stormy_s3.weather()
        expire_at(lab, stormy_s3, number % 4)
        done = number + 1
    assert ACCESS_KEY not in stormy_s3.refused_keys
    record("credentials that expire", exports=done)
