"""kill -9 before and after every step of export and publication: readers see whole runs, the next try completes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.abandoned_uploads import sweep_uploads
from billing_aggregator.export.store.factory import open_store
from tests.faults.conftest import refill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.export.store.protocol import Store
    from tests.exporting import Lab
    from tests.faults.faulty_s3 import FaultyS3

WRITING = {"start", "write_part", "complete", "put_if", "remove"}
ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """Runs commands in children that may die, see crash_worker.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.crash_worker"],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    process = Worker()
    yield process
    process.close()


def manifest_of(store: Store, client: str) -> Manifest:
    manifest = current_manifest(store, client, "prod")
    assert manifest is not None
    return manifest


def crash_everywhere(lab: Lab, worker: Worker, s3: str, tmp_path: Path, options: dict[str, Any]) -> int:
    """Kill a run at each of its steps and try it again, one run after the other; return the number of crashes.

    The runs take turns with other data and other keys, so that each has files to replace and files to remove.
    """
    place = {"dsn": lab.dsn, "target": lab.target, "s3": s3, "client": "enercity"}

    def go(number: int, kill: list[Any] | None) -> dict[str, Any]:
        shape = {"max_rows_per_file": 100, "compression": "gzip" if number % 2 else "none"} | options
        return worker(**place, run=f"run {number}", options=shape, kill=kill, kept=str(tmp_path / f"run-{number}"))

    refill(lab, 150)
    assert go(0, None)["status"] == 0
    steps = go(1, None)["steps"]
    points = [(step, "before") for step in range(1, len(steps) + 1)]
    # The point after a step that only reads is the one before the next step.
    points += [(step, "after") for step, name in enumerate(steps, 1) if name in WRITING]
    for number, (step, when) in enumerate(points, 2):
        crash = f"kill -9 {when} {steps[step - 1]} (step {step})"
        refill(lab, 150, factor=number)
        assert go(number, [step, when])["status"] == -signal.SIGKILL, crash
        seen = lab.manifest()
        assert seen.run_id in (f"run {number - 1}", f"run {number}"), crash
        check_publication(lab.store, seen)
        assert go(number, None)["status"] == 0, crash
        seen = lab.manifest()
        check_publication(lab.store, seen)
        totals = seen.exports["book"].control_totals["amount"]
        assert (seen.run_id, totals) == (f"run {number}", str(lab.value("select sum(amount) from book"))), crash
        if "{run}" not in str(options):
            assert set(lab.files()) == seen.keys, crash
        # Only a plan that died between opening an upload and recording it leaves something for the sweep.
        assert not lab.open_uploads() or steps[step - 1] == "start" or steps[step] == "start", crash
        sweep_uploads(lab.store, "enercity/prod/", older_than=-1)
        assert lab.open_uploads() == []
    return len(points)


def test_on_s3(faulty_lab: Lab, faulty_s3: FaultyS3, worker: Worker, tmp_path: Path) -> None:
    assert crash_everywhere(faulty_lab, worker, faulty_s3.url, tmp_path, {}) >= 25


def test_in_a_folder_with_a_run_in_its_keys(folder_lab: Callable[..., Lab], worker: Worker, tmp_path: Path) -> None:
    """Without versions, earlier publications stay whole only if each run has its own keys."""
    template = {"key_template": "{client}/{environment}/{run}/{file}"}
    assert crash_everywhere(folder_lab(), worker, "", tmp_path, template) >= 25


def test_a_crash_is_not_seen_by_another_run(
    faulty_lab: Lab, faulty_s3: FaultyS3, worker: Worker, tmp_path: Path
) -> None:
    """A publisher dies in the middle; another run takes over, the dead one's next try gives up."""
    place = {
        "dsn": faulty_lab.dsn,
        "target": faulty_lab.target,
        "s3": faulty_s3.url,
        "options": {"max_rows_per_file": 100},
        "client": "c",
    }
    assert worker(**place, run="one", kill=None, kept=str(tmp_path / "one"))["status"] == 0
    steps = worker(**place, run="one again", kill=None, kept=str(tmp_path / "again"))["steps"]
    step = steps.index("complete") + 2
    assert worker(**place, run="dead", kill=[step, "after"], kept=str(tmp_path / "dead"))["status"] == -signal.SIGKILL
    assert worker(**place, run="waits", kill=None, kept=str(tmp_path / "waits"))["status"] == 1, "the lock is held"
    store = open_store(faulty_lab.target, faulty_s3.client)
    assert manifest_of(store, "c").run_id == "one again"
    found = store.read("c/prod/_publishing.json")
    assert found is not None
    store.put_if("c/prod/_publishing.json", json.dumps(found.json() | {"ttl": -1}).encode(), found.etag)
    assert worker(**place, run="waits", kill=None, kept=str(tmp_path / "waits"))["status"] == 0
    assert worker(**place, run="dead", kill=None, kept=str(tmp_path / "dead"))["status"] == 1, "it was overtaken"
    manifest = manifest_of(store, "c")
    assert manifest.run_id == "waits"
    check_publication(store, manifest)
