"""Files are cut at exact rows, in the table's order, whoever exports them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.errors import EmptyExportError
from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

NUMBERS = Export("numbers", table=("public", "numbers"))
N = 300


def fill(lab: Lab, rows: int) -> None:
    lab.sql(
        "drop table if exists numbers cascade",
        f"create table numbers as select {rows} - g as id, E'line\\n' || g as t from generate_series(1, {rows}) g",
    )


def ids(lab: Lab, export: str = "numbers") -> list[list[int]]:
    found = []
    for text in lab.csv(export):
        header, *records = csv.reader(io.StringIO(text.decode(), newline=""))
        assert header == ["id", "t"]
        found.append([int(record[0]) for record in records])
    return found


@pytest.mark.parametrize("rows", [0, 1, N - 1, N, N + 1, 2 * N, 2 * N + 1])
def test_edges(lab: Lab, rows: int) -> None:
    fill(lab, rows)
    lab.options = lab.options.model_validate({"max_rows_per_file": N})
    plan = lab.plan(lab.run(), NUMBERS)
    # Each chunk by a task of its own, the last one first.
    states = [state for chunk in reversed(plan.chunks) for state in lab.chunks(plan, [chunk.index])]
    lab.publish([plan], states)
    expected = list(range(rows - 1, -1, -1))
    assert ids(lab) == [expected[start : start + N] for start in range(0, max(rows, 1), N)]
    files = lab.manifest().exports["numbers"].files
    assert [file.rows for file in files] == [min(N, rows - start) for start in range(0, max(rows, 1), N)]
    assert [file.key for file in files] == [f"enercity/prod/numbers_{i:04d}.csv" for i in range(max(1, -(-rows // N)))]


@pytest.mark.parametrize("rows_per_file", [1, 2, 255, 256, 257, 1000])
def test_any_file_size(new_lab: Callable[..., Lab], rows_per_file: int) -> None:
    lab = new_lab(kind="file", max_rows_per_file=rows_per_file)
    rows = min(4 * rows_per_file + 1, 600)
    fill(lab, rows)
    lab.whole_run([NUMBERS])
    assert [number for file in ids(lab) for number in file] == list(range(rows - 1, -1, -1))


def test_gaps_between_rows_do_not_matter(lab: Lab) -> None:
    fill(lab, 1000)
    lab.sql("delete from numbers where id % 3 = 0 or id between 400 and 800")
    lab.options = lab.options.model_validate({"max_rows_per_file": 100})
    lab.whole_run([NUMBERS])
    files = ids(lab)
    expected = [i for i in range(999, -1, -1) if i % 3 and not 400 <= i <= 800]
    assert [number for file in files for number in file] == expected
    assert {len(file) for file in files[:-1]} == {100}


def test_units_are_neighbours(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(max_rows_per_file=100)
    fill(lab, 450)
    plan = lab.plan(lab.run(), NUMBERS)
    assert plan.units(2) == [
        {"name": "numbers_0000", "chunks": [0, 1]},
        {"name": "numbers_0002", "chunks": [2, 3]},
        {"name": "numbers_0004", "chunks": [4]},
    ]
    lab.publish([plan], [state for unit in plan.units(2) for state in lab.chunks(plan, unit["chunks"])])
    assert [len(file) for file in ids(lab)] == [100, 100, 100, 100, 50]


def test_an_empty_result_is_a_header(lab: Lab) -> None:
    fill(lab, 0)
    lab.whole_run([NUMBERS])
    assert lab.csv("numbers") == [b"id,t\n"]


def test_an_empty_result_can_be_skipped(lab: Lab) -> None:
    fill(lab, 0)
    lab.whole_run([NUMBERS], options=lab.options.model_validate({"empty": "skip"}))
    published = lab.manifest().exports["numbers"]
    assert (published.rows, published.files, lab.files()) == (0, [], [])


def test_an_empty_result_can_fail(lab: Lab) -> None:
    fill(lab, 0)
    with pytest.raises(EmptyExportError, match="numbers"):
        lab.plan(lab.run(), NUMBERS, lab.options.model_validate({"empty": "fail"}))
    assert lab.open_uploads() == []


def test_no_header(lab: Lab) -> None:
    fill(lab, 3)
    options = lab.options.model_validate({"dialect": {"header": False}, "empty": "skip", "max_rows_per_file": 2})
    lab.whole_run([NUMBERS], options=options)
    assert lab.csv("numbers") == [b'2,"line\n1"\n1,"line\n2"\n', b'0,"line\n3"\n']


@pytest.mark.parametrize(
    "query", [None, "select id, t from numbers", "select id, t from numbers where id >= 0 order by 1 desc"]
)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_dry_run_tells_what_a_run_does_and_writes_nothing(lab: Lab, query: str | None, compression: str) -> None:
    fill(lab, 250)
    export = Export("numbers", query=query) if query else NUMBERS
    lab.options = lab.options.model_validate({"max_rows_per_file": 100, "compression": compression})
    run = lab.run()
    before = lab.value("select count(*) from pg_class")
    connection = lab.connect()
    told = dry_run(connection, run, export, lab.options, timeout=60)
    connection.close()
    assert lab.value("select count(*) from pg_class") == before
    assert list(lab.store.keys("")) == []
    assert lab.open_uploads() == []
    lab.whole_run([export], run)
    published = lab.manifest().exports["numbers"]
    assert [(f.key, f.rows, f.bytes, f.sha256) for f in told.files] == [
        (f.key, f.rows, f.bytes, f.sha256) for f in published.files
    ]
    assert (told.rows, told.control_totals) == (250, published.control_totals)
    assert told.bytes == sum(f.bytes for f in published.files)
