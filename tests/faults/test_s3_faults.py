"""S3 fails in every operation that an export uses: for a moment, with a lost reply, or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from billing_aggregator.export.errors import ExportError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import abort_run
from tests.faults.conftest import refill
from tests.faults.faulty_s3 import Fault, FaultyS3

if TYPE_CHECKING:
    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
OPERATIONS = [
    "get manifest", "create upload", "upload part", "get lock", "put lock", "list parts", "complete upload",
    "head file", "list objects", "delete objects", "put manifest",
]  # fmt: skip


def two_runs(lab: Lab) -> None:
    """Publish a run of five files, then prepare a shorter one."""
    refill(lab, 450)
    lab.whole_run([BOOK], lab.run("first"))
    refill(lab, 250, factor=3)


def assert_whole(lab: Lab, run_id: str) -> None:
    manifest = lab.manifest()
    assert manifest.run_id == run_id
    check_publication(lab.store, manifest)
    if run_id == "second":
        assert lab.files() == [f"enercity/prod/book_{i:04d}.csv" for i in range(3)]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", ["lost reply", 503])
def test_a_short_failure_is_not_noticed(faulty_lab: Lab, faulty_s3: FaultyS3, operation: str, kind: str | int) -> None:
    two_runs(faulty_lab)
    fault = Fault(operation, kind, times=1 if kind == "lost reply" else 3)
    with faulty_s3.failing(fault):
        faulty_lab.whole_run([BOOK], faulty_lab.run("second"))
    assert fault.times == 0, "the fault did not happen"
    assert_whole(faulty_lab, "second")
    # A lost reply of "create upload" leaves an upload that only the sweep can find.
    orphans = 1 if (operation, kind) == ("create upload", "lost reply") else 0
    assert len(faulty_lab.open_uploads()) == orphans


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_lasting_failure_publishes_nothing_and_the_next_try_completes(
    faulty_lab: Lab, faulty_s3: FaultyS3, operation: str
) -> None:
    two_runs(faulty_lab)
    before = faulty_lab.manifest()
    tasks = Tasks(faulty_lab, faulty_lab.run("second"))
    with faulty_s3.failing(Fault(operation, 403, times=10**6)), pytest.raises((ExportError, ClientError)):
        tasks.go_on()
    assert faulty_lab.manifest() == before
    check_publication(faulty_lab.store, before)
    tasks.go_on()
    assert_whole(faulty_lab, "second")
    assert faulty_lab.open_uploads() == []


class Tasks:
    """A run whose tasks are retried with the results of the tasks before them."""

    def __init__(self, lab: Lab, run: ExportRun) -> None:
        self.lab = lab
        self.run = run
        self.plan: ExportPlan | None = None
        self.states: list[ChunkState] = []

    def go_on(self) -> None:
        self.plan = self.plan or self.lab.plan(self.run, BOOK)
        for chunk in self.plan.chunks[len(self.states) :]:
            self.states += self.lab.chunks(self.plan, [chunk.index])
        self.lab.publish([self.plan], self.states)


def test_a_failed_run_aborts_its_uploads(faulty_lab: Lab, faulty_s3: FaultyS3) -> None:
    lab = faulty_lab
    two_runs(lab)
    plan = lab.plan(lab.run("second"), BOOK)
    with faulty_s3.failing(Fault("upload part", 403, times=10**6)), pytest.raises(ClientError):
        lab.chunks(plan)
    assert len(lab.open_uploads()) == 3
    assert abort_run(lab.store, [plan]) == 3
    assert lab.open_uploads() == []
    assert_whole(lab, "first")


def test_a_failed_plan_aborts_its_uploads(faulty_lab: Lab, faulty_s3: FaultyS3) -> None:
    with faulty_s3.failing(Fault("create upload", 403, times=10**6, skip=2)), pytest.raises(ClientError):
        faulty_lab.plan(faulty_lab.run(), BOOK)
    assert faulty_lab.open_uploads() == []


def test_a_lost_reply_of_the_manifest_is_a_success(faulty_lab: Lab, faulty_s3: FaultyS3) -> None:
    """The retry is refused because the object has changed: it is our own."""
    for number in range(20):
        with faulty_s3.failing(Fault("put manifest", "lost reply")):
            assert not faulty_lab.whole_run([BOOK], faulty_lab.run(f"run {number}")).repeated
        assert_whole(faulty_lab, f"run {number}")


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_a_lost_reply_of_the_lock_is_not_a_lost_lock(faulty_lab: Lab, faulty_s3: FaultyS3, skip: int) -> None:
    fault = Fault("put lock", "lost reply", skip=skip)
    with faulty_s3.failing(fault):
        faulty_lab.whole_run([BOOK], faulty_lab.run("first"))
    assert fault.times == 0
    assert_whole(faulty_lab, "first")


def test_connections_break_everywhere_at_once(faulty_lab: Lab, faulty_s3: FaultyS3) -> None:
    two_runs(faulty_lab)
    faults = [Fault(operation, kind) for operation in OPERATIONS for kind in ("reset", 500)]
    with faulty_s3.failing(*faults):
        faulty_lab.whole_run([BOOK], faulty_lab.run("second"))
    assert [fault for fault in faults if fault.times] == []
    assert_whole(faulty_lab, "second")


def test_replies_lost_everywhere_at_once(faulty_lab: Lab, faulty_s3: FaultyS3) -> None:
    two_runs(faulty_lab)
    with faulty_s3.failing(*(Fault(operation, "lost reply", times=2) for operation in OPERATIONS)):
        faulty_lab.whole_run([BOOK], faulty_lab.run("second"))
    assert_whole(faulty_lab, "second")
