"""``make run`` as a new user sees it: the whole job in a process of its own."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import ROOT
from tests.waiting import PATIENCE_SECONDS, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "billing_aggregator", "run"]
EXPECTED = ROOT / "tests/golden/expected/expected_oibl_customer.csv"


def environment(**variables: str) -> dict[str, str]:
    """The caller's environment without any BDA_ or Airflow variable, as on a new machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BDA_", "AIRFLOW"))}
    return clean | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"} | variables


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def finished() -> subprocess.CompletedProcess[str]:
    return run()


@pytest.fixture(scope="module")
def files(finished: subprocess.CompletedProcess[str]) -> Path:
    copy = next(line for line in finished.stdout.splitlines() if line.startswith("  copy "))
    return Path(copy.split(maxsplit=1)[1]) / "enercity" / "local"


def test_it_succeeds_and_prints_no_error(finished: subprocess.CompletedProcess[str]) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr


def test_the_files_have_the_rows_of_the_sample(files: Path) -> None:
    with (
        (files / "customer/oibl_0000.csv").open(encoding="utf-8") as published,
        EXPECTED.open(encoding="utf-8") as golden,
    ):
        assert sorted(csv.reader(published)) == sorted(csv.reader(golden))


def test_the_summary_has_states_files_and_totals(finished: subprocess.CompletedProcess[str]) -> None:
    summary = finished.stdout[finished.stdout.index("Succeeded in") :]
    for phase in ("prechecks", "init", "audits", "release", "export", "publish", "history", "cleanup"):
        assert f"\n  {phase} " in summary
    for export in ("bookkeeper_results", "tripica_results", "customer/oibl"):
        assert f"\n  {export} " in summary
    assert "1,538" in summary
    assert "s3://billing-data-aggregator-local/enercity/local/" in summary
    assert "first lines of tripica_results_0000.csv" in summary
    assert "run.log" in summary


def test_progress_counts_every_task(finished: subprocess.CompletedProcess[str]) -> None:
    lines = [line for line in finished.stdout.splitlines() if line.startswith("  [")]
    total = int(lines[-1].split("/")[1].split("]")[0])
    assert len(lines) == total > 30
    assert all(line.rstrip().endswith((" s", "skipped")) for line in lines)


def test_a_proxy_or_a_missing_home_does_not_matter_for_its_own_servers() -> None:
    """The proxy does not answer: its port is closed."""
    proxies = dict.fromkeys(
        ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9"
    )
    without = ["env", *(word for name in ("HOME", "NO_PROXY", "no_proxy", "USER", "LOGNAME") for word in ("-u", name))]
    done = subprocess.run(
        [*without, *COMMAND, "--systems", "bookkeeper"],
        env=environment(**proxies),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bookkeeper_results" in done.stdout


def test_an_unreachable_database_is_named_and_nothing_is_published() -> None:
    failed = run(BDA_DB_HOST="127.0.0.1", BDA_DB_PORT="1", BDA_ENVIRONMENT="local")
    assert failed.returncode == 1
    assert "failed task: start" in failed.stdout
    assert "127.0.0.1" in failed.stdout
    assert "Nothing was published" in failed.stdout
    assert "run.log" in failed.stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    output = tmp_path / "output"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            COMMAND,
            env=environment(),
            cwd=ROOT,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            # A shell starts background processes, and their children, with interrupts disabled.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
    yield process, output
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_an_interrupted_run_leaves_no_process_behind(
    running: tuple[subprocess.Popen[bytes], Path], sent: signal.Signals, status: int
) -> None:
    process, output = running
    started = wait_for_children(process.pid, output)
    os.kill(process.pid, sent)
    assert process.wait(PATIENCE_SECONDS) == status
    _, alive = psutil.wait_procs(started, timeout=PATIENCE_SECONDS)
    assert alive == []


def wait_for_children(pid: int, output: Path) -> list[psutil.Process]:
    """Wait until Postgres and Airflow both run; return all that the run has started (Postgres leaves its parent)."""

    def both() -> list[psutil.Process]:
        children = psutil.Process(pid).children(recursive=True)
        airflow = [child for child in children if "airflow" in command_line(child)]
        port = re.search(r"on port (\d+)", output.read_text())
        # The S3 server is up: what the command does now is wait, not import.
        ready = airflow and "local server http" in output.read_text()
        return children + servers_on(port[1]) if ready and port else []

    return wait_for(both, "the run has started Postgres and Airflow")


def command_line(process: psutil.Process) -> str:
    """The command of a process; empty when it has just ended."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def servers_on(port: str) -> list[psutil.Process]:
    found = [process for process in psutil.process_iter() if f"-p {port}" in command_line(process)]
    assert found, "the server runs"
    return found
