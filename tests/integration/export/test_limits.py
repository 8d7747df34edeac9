"""Many files, large rows, many parts: what an export may have, what it does with it, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.copy import part_sender
from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.errors import TooManyFilesError, TooManyPartsError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.operators.export_plan import ExportPlanOperator
from tests.exporting import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

ROOT = Path(__file__).parents[3]
SMALL = Export("small", table=("public", "small_rows"))
LARGE = Export("large", table=("public", "large_rows"))
FROZEN = Export("small", query="select id from small_rows order by id desc")
MIB = 1 << 20


def fill(lab: Lab, rows: int) -> None:
    lab.sql(
        "drop table if exists small_rows",
        f"create table small_rows as select g as id from generate_series(1, {rows}) g",
    )


@pytest.fixture
def ten_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export has at most ten files."""
    monkeypatch.setattr("billing_aggregator.export.plan.row_ranges.MOST_FILES", 10)


@pytest.mark.usefixtures("ten_files")
@pytest.mark.parametrize(("rows", "size"), [(10, 1), (19, 2), (20, 2), (21, 3)])
@pytest.mark.parametrize("export", [SMALL, FROZEN], ids=["table", "query"])
def test_as_many_files_as_an_export_may_have(new_lab: Callable[..., Lab], rows: int, size: int, export: Export) -> None:
    lab = new_lab(max_rows_per_file=size)
    fill(lab, rows)
    lab.whole_run([export])
    assert [file.rows for file in lab.manifest().exports["small"].files] == [
        min(size, rows - start) for start in range(0, rows, size)
    ]
    check_publication(lab.store, lab.manifest())


@pytest.mark.usefixtures("ten_files")
@pytest.mark.parametrize(("rows", "size", "needed"), [(11, 1, 2), (21, 2, 3), (1000, 1, 100), (1001, 7, 101)])
@pytest.mark.parametrize("export", [SMALL, FROZEN], ids=["table", "query"])
def test_more_files_are_refused_before_anything_is_opened(
    lab: Lab, rows: int, size: int, needed: int, export: Export
) -> None:
    fill(lab, rows)
    options = lab.options.model_validate({"max_rows_per_file": size})
    with pytest.raises(TooManyFilesError) as refused:
        lab.plan(lab.run(), export, options)
    assert classify(refused.value) == "terminal"
    for part in (
        "export small",
        f"{rows:,} rows",
        f"{-(-rows // size):,} files",
        "at most 10;",
        f"to {needed} or more",
    ):
        assert part in str(refused.value)
    assert lab.open_uploads() == []
    assert lab.value("select count(*) from pg_class where starts_with(relname, 'aggregator_export_')") == 0
    connection = lab.connect()
    with pytest.raises(TooManyFilesError, match=f"to {needed} or more"):
        dry_run(connection, lab.run(), export, options, timeout=60)
    connection.close()
    lab.whole_run([export], options=lab.options.model_validate({"max_rows_per_file": needed}))


def test_the_real_bound(new_lab: Callable[..., Lab]) -> None:
    """10,000 files of a row each are published; a row more is refused."""
    lab = new_lab(kind="file", max_rows_per_file=1)
    fill(lab, MOST_FILES)
    plan = lab.plan(lab.run(), SMALL)
    units = plan.units()
    assert [index for unit in units for index in unit["chunks"]] == list(range(MOST_FILES))
    assert len(json.dumps(plan.to_json())) < 5 * MIB
    lab.publish([plan], [state for unit in units for state in lab.chunks(plan, unit["chunks"])])
    files = lab.manifest().exports["small"].files
    assert [file.rows for file in files] == [1] * MOST_FILES
    assert sorted(file.key for file in files) == [file.key for file in files]
    lab.sql("insert into small_rows values (0)")
    with pytest.raises(TooManyFilesError, match="set max_rows_per_file to 2 or more"):
        lab.plan(lab.run(), SMALL)


def test_no_upload_stays_open_when_one_cannot_be_opened(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are the rest of many opened first, only to be aborted."""
    lab = new_lab(max_rows_per_file=1)
    fill(lab, 500)
    start, started = lab.store.start, []

    def fails_once(key: str, token: str, options: Any) -> Any:
        started.append(key)
        if key.endswith("_0003.csv"):
            raise ConnectionError("the store went away")
        return start(key, token, options)

    monkeypatch.setattr(lab.store, "start", fails_once)
    with pytest.raises(ConnectionError):
        lab.plan(lab.run(), SMALL)
    assert lab.open_uploads() == []
    assert len(started) < 100


class Plan(ExportPlanOperator):
    """Plans in the laboratory's database and store."""

    lab: Lab

    def get_db_connection(self) -> Any:
        return self.lab.connect()

    def get_store(self, target: str, options: Any = None) -> Any:
        return self.lab.store


class Instance:
    """A task instance that keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def planned(lab: Lab, **arguments: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the units and what was pushed."""
    task = Plan(
        task_id="plan", export_name="small", table="public.small_rows", target=lab.target, client="enercity",
        environment="prod", business_date="2026-01-31", run_id="planned", **arguments,
    )  # fmt: skip
    task.lab = lab
    instance = Instance()
    context: Any = {"ti": instance}
    return task.execute(context), instance.pushed


@pytest.mark.parametrize(
    ("configured", "arguments", "units"),
    [
        (None, {}, [2] * 6 + [1] * 58),
        ("1024", {"chunks_per_task": 1}, [1] * 70),
        ("1024", {"chunks_per_task": 30}, [30, 30, 10]),
        ("7", {}, [10] * 7),
        ("7", {"chunks_per_task": 1}, [10] * 7),
        ("1", {}, [70]),
    ],
)
def test_never_more_tasks_than_airflow_is_configured_to_map(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, configured: str | None, arguments: dict[str, Any],
    units: list[int],
) -> None:  # fmt: skip
    if configured:
        monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", configured)
    lab = new_lab(kind="file")
    fill(lab, 70)
    work, _ = planned(lab, max_rows_per_file=1, **arguments)
    assert sorted((len(unit["chunks"]) for unit in work), reverse=True) == units
    assert [index for unit in work for index in unit["chunks"]] == list(range(70))


def test_too_many_files_fail_the_task_at_its_first_try(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    fill(lab, 10_001)
    with pytest.raises(AirflowFailException, match="10,001 files, an export has at most 10,000; set max_rows_per_file"):
        planned(lab, max_rows_per_file=1)
    assert lab.open_uploads() == []


@pytest.fixture
def memory(new_lab: Callable[..., Lab], tmp_path: Path) -> Callable[..., float]:
    """Return a function that tells by how many MiB a process grows that exports such *rows*."""
    lab = new_lab()

    def measure(driver: str, what: str, rows: str, **options: Any) -> float:
        lab.sql("drop table if exists large_rows", f"create table large_rows as {rows}")
        command = {
            "dsn": lab.dsn, "driver": driver, "what": what, "export": "large", "table": "large_rows",
            "target": (tmp_path / "out").as_uri(), "options": options,
        }  # fmt: skip
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.export.memory_child", json.dumps(command)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return float(json.loads(done.stdout)["mib"])

    return measure


ROWS_OF_4_MIB = "select g as id, repeat('0123456789abcdef', 1 << 18) as t from generate_series(1, 60) g"
MIXED = """
select g as id, repeat('0123456789abcdef', case when g % 3 = 0 then 1 << 17 else 511 end) as t
from generate_series(1, 150) g
"""
JUST_BELOW = "select g as id, repeat('x', 8150) as t from generate_series(1, 4000) g"


@pytest.mark.parametrize(
    ("driver", "what", "rows"),
    [
        pytest.param("psycopg", "export", ROWS_OF_4_MIB, id="4 MiB, psycopg 3"),
        pytest.param("psycopg2", "export", ROWS_OF_4_MIB, id="4 MiB, psycopg2"),
        pytest.param("psycopg", "dry run", ROWS_OF_4_MIB, id="4 MiB, dry run"),
        pytest.param("psycopg", "export", MIXED, id="small and large, psycopg 3"),
        pytest.param("psycopg2", "export", MIXED, id="small and large, psycopg2"),
        pytest.param("psycopg", "export", JUST_BELOW, id="many of 8 KiB"),
    ],
)
def test_memory_does_not_follow_the_size_of_rows(
    memory: Callable[..., float], driver: str, what: str, rows: str
) -> None:
    """24 MiB of buffers, libpq's buffer, which holds a row, and a few rows."""
    assert memory(driver, what, rows) < 64 + 5 * 4


def test_reading_a_publication_takes_little_memory(new_lab: Callable[..., Lab], memory: Callable[..., float]) -> None:
    lab = new_lab(kind="file", compression="gzip")
    lab.sql("drop table if exists large_rows", f"create table large_rows as {ROWS_OF_4_MIB}")
    lab.whole_run([LARGE])
    assert memory("psycopg", "read", ROWS_OF_4_MIB) < 64 + 5 * 4


LONG_AND_SHORT = """
select g as id, repeat(chr(97 + g % 26), case when g % 7 = 0 then 20000 when g % 3 = 0 then 8190 else g % 90 end) as t
from generate_series(1, 1500) g
"""


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_large_rows_give_the_same_bytes_however_the_work_is_divided(
    new_lab: Callable[..., Lab], compression: str
) -> None:
    seen = set()
    for driver in sorted(DRIVERS):
        lab = new_lab(driver, max_rows_per_file=211, compression=compression)
        lab.sql("drop table if exists large_rows", f"create table large_rows as {LONG_AND_SHORT}")
        for most in (1, 3, 100):
            plan = lab.plan(lab.run(), LARGE)
            states = [state for unit in plan.units(most=most) for state in lab.chunks(plan, unit["chunks"])]
            seen.add(tuple(state.sha256 for state in states))
            lab.publish([plan], states)
            check_publication(lab.store, lab.manifest())
    assert len(seen) == 1


def test_a_file_of_too_many_parts_is_terminal_and_says_what_to_set(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_sender, "MOST_PARTS", 2)
    lab.sql(
        "drop table if exists large_rows",
        f"create table large_rows as select repeat('x', {MIB - 1}) as t from generate_series(1, 30) g",
    )
    plan = lab.plan(lab.run(), LARGE, lab.options.model_validate({"part_bytes": 5 * MIB, "max_rows_per_file": 30}))
    with pytest.raises(TooManyPartsError) as refused:
        lab.chunks(plan)
    assert classify(refused.value) == "terminal"
    text = str(refused.value)
    assert "large_0000.csv needs more than 2 parts of 5242880 bytes" in text
    assert "lower max_rows_per_file from 30 to 8 or less, or raise part_bytes to 19922944 or more" in text
    for wider in ({"part_bytes": 19922944, "max_rows_per_file": 30}, {"part_bytes": 5 * MIB, "max_rows_per_file": 8}):
        plan = lab.plan(lab.run(), LARGE, lab.options.model_validate(wider))
        lab.publish([plan], lab.chunks(plan))
