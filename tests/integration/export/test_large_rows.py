"""Large rows: little memory, the same bytes however the work is divided, a limit of parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.copy import part_sender
from billing_aggregator.export.errors import TooManyPartsError
from billing_aggregator.export.reader import check_publication
from tests.conftest import CHILD_PATH, ROOT
from tests.exporting import DRIVERS
from tests.integration.export.row_tables import LARGE, MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.exporting import Lab


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
        environment = os.environ | {"PYTHONPATH": CHILD_PATH}
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
