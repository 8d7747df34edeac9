"""Publications whose rows all differ: divided into many parts they give what they give in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.publications.compare import parts
from billing_aggregator.publications.compare.result import ColumnDifference
from tests.unit.publications.test_compare import compared, folders

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.publications.compare.engine import Reading
    from tests.unit.publications.folders import Row

MANY = 300


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SHARE", 1 << 40)
    monkeypatch.setattr(parts, "MOST_PARTS", 7)


@pytest.mark.usefixtures("small_parts")
def test_rows_that_all_differ_are_counted_and_shown_over_all_parts(tmp_path: Path) -> None:
    a: list[Row] = [(f"{n}", "x", f"{n}.00") for n in range(MANY)]
    b: list[Row] = [(f"{n}.0" if n % 2 else f"{n}", "y" if n % 3 else "", f"{n}.01") for n in range(3, MANY + 2)]
    found = compared(*folders(tmp_path, a, list(reversed(b))), sample_rows=4).differences
    assert (found.equal, found.changed, found.only_in_a, found.only_in_b) == (0, MANY - 3, 3, 2)
    assert found.columns == {"name": ColumnDifference(MANY - 3, 0), "amount": ColumnDifference(MANY - 3, 0)}
    assert [key["id"] for key, _ in found.samples] == ["10", "100", "101", "102"], "texts, in their order"
    assert found.samples[0][1] == {"name": ("x", "y"), "amount": ("10.00", "10.01")}
    assert found.samples_a == ({"id": "0"}, {"id": "1"}, {"id": "2"})
    assert found.samples_b == ({"id": "300"}, {"id": "301.0"})


def test_parts_give_what_one_part_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of each key up to three rows, some of them equal, some in other words, some NULL, most different.
    a: list[Row] = [(None if n < 3 else f"{n // 3}", f"{n % 5}", "1.50" if n % 4 else None) for n in range(MANY)]
    b: list[Row] = [
        (None if n < 3 else f"{n // 3}", f"{n % 7}", "1.5" if n % 4 == 1 else "1.50") for n in range(MANY - 20)
    ]
    sides = folders(tmp_path, a, b)
    for wanted in ({}, {"key": ()}, {"key": ("id", "name")}):
        whole = compared(*sides, sample_rows=500, **wanted)
        with monkeypatch.context() as small:
            small.setattr(parts, "PART_SHARE", 1 << 40)
            small.setattr(parts, "MOST_PARTS", 7)
            divided = compared(*sides, sample_rows=500, **wanted)
        assert divided == whole
        rows = whole.differences
        assert (rows.equal + rows.changed + rows.only_in_a, rows.equal + rows.changed + rows.only_in_b) == whole.rows
        assert rows.written_differently > 0


def test_few_rows_that_differ_are_looked_up_and_all_of_them_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str | None] = []
    write = parts.Parts.write

    def noted(self: parts.Parts, side: str, source: Reading, digests: str | None) -> None:
        written.append(digests)
        write(self, side, source, digests)

    monkeypatch.setattr(parts.Parts, "write", noted)
    a: list[Row] = [(f"{n}", "x", "1.00") for n in range(10)]
    few = compared(*folders(tmp_path / "few", a, [*a[1:], ("0", "y", "1.00")]))
    most = compared(*folders(tmp_path / "most", a, [*a[:2], *((f"{n}", "y", "1.00") for n in range(2, 10))]))
    assert written == ["surplus", "surplus", None, None]
    assert (few.differences.equal, few.differences.changed) == (9, 1)
    assert (most.differences.equal, most.differences.changed) == (2, 8)


def test_rows_of_one_key_are_paired_in_the_order_of_their_values_not_of_the_files(tmp_path: Path) -> None:
    a: list[Row] = [("1", "x", "1.00"), ("1", "y", "2.00"), ("1", "z", "3.00")]
    b: list[Row] = [("1", "z", "3.50"), ("1", "x", "1.50"), ("1", "y", "2.0")]
    found = compared(*folders(tmp_path, a, b)).differences
    assert (found.equal, found.written_differently, found.changed, found.ambiguous_keys) == (1, 1, 2, 1)
    assert set(found.columns) == {"amount"}
