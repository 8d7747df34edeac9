"""Two publications in folders: what is equal, what differs, and how that is said."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.publications import find_publication
from billing_aggregator.publications.compare import ExportComparison, Wanted, compare
from billing_aggregator.publications.compare.sides import open_side
from billing_aggregator.publications.ddl import Target, ddl
from billing_aggregator.publications.errors import BrokenPublicationError, NotThereError, WrongQuestionError
from tests.unit.publications.folders import Folder, Row, csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BASE: list[Row] = [("1", "Anna", "10.00"), ("2", None, "-0.50"), ("3", "", None), ("4", 'a "b"\nc, d', "7.25")]
CONFIG = load_client("enercity", "local")


def compared(a: Path | str, b: Path | str, **wanted: Any) -> ExportComparison:
    sides = [open_side(str(each), CONFIG) for each in (a, b)]
    (found,) = compare(sides[0], sides[1], Wanted(**{"key": ("id",)} | wanted)).exports
    return found


def folders(tmp_path: Path, a: Sequence[Row], b: Sequence[Row]) -> tuple[Path, Path]:
    return Folder(tmp_path / "a").write(book=[a]), Folder(tmp_path / "b").write(book=[b])


def test_the_order_of_rows_and_their_division_into_files_do_not_matter(tmp_path: Path) -> None:
    a = Folder(tmp_path / "a").write(book=[BASE])
    b = Folder(tmp_path / "b").write(book=[BASE[:1:-1], BASE[:2]])
    found = compared(a, b)
    assert found.is_equal
    assert (found.rows, found.differences.equal) == ((4, 4), 4)


def test_a_changed_row_is_found_by_its_key_with_the_columns_that_differ(tmp_path: Path) -> None:
    changed: list[Row] = [("1", "Anna", "10.01"), *BASE[1:3], ("5", "new", "1.00")]
    found = compared(*folders(tmp_path, BASE, changed))
    rows = found.differences
    assert not found.is_equal
    assert (rows.equal, rows.changed, rows.only_in_a, rows.only_in_b) == (2, 1, 1, 1)
    assert rows.samples == (({"id": "1"}, {"amount": ("10.00", "10.01")}),)
    assert (rows.samples_a, rows.samples_b) == (({"id": "4"},), ({"id": "5"},))
    assert found.differing_totals == {"id": ("10", "11"), "amount": ("16.75", "10.51")}


def test_null_and_empty_differ_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    a, b = folders(tmp_path, [("1", None, "1.00")], [("1", "", "1.00")])
    found = compared(a, b)
    assert found.differences.columns["name"].rows == found.differences.columns["name"].null_or_empty == 1
    assert compared(a, b, empty_is_null=True).is_equal


def test_a_number_that_is_written_in_another_way_is_the_same_number(tmp_path: Path) -> None:
    digits = "123456789012345678901234567890123456789012345.10"
    a = [("1", "1.0", "1.50"), ("2", "x", "-0.00"), ("3", "x", digits)]
    b = [("1", "1.0", "+01.5"), ("2", "x", "0"), ("3", "x", digits[:-1])]
    found = compared(*folders(tmp_path, a, b))
    assert found.is_equal
    assert found.differences.written_differently == 3
    text = compared(*folders(tmp_path, [("1", "1.0", "1.50")], [("1", "1.00", "1.50")]))
    assert text.differences.columns["name"].rows == 1, "a text is no number"


def test_a_last_digit_is_a_difference_that_no_float_would_see(tmp_path: Path) -> None:
    a, b = folders(tmp_path, [("1", "x", "90071992547409930.01")], [("1", "x", "90071992547409930.02")])
    assert compared(a, b).differences.changed == 1
    assert compared(a, b, tolerances={"amount": Decimal("0.01")}).is_equal
    assert compared(a, b, tolerances={"amount": Decimal("0.009")}).differences.changed == 1


def test_a_tolerance_is_for_its_column_alone(tmp_path: Path) -> None:
    a, b = folders(tmp_path, [("1", "x", "1.00"), ("2", "x", None)], [("1", "y", "1.01"), ("2", "x", "0.00")])
    found = compared(a, b, tolerances={"amount": Decimal(1)})
    assert {name: each.rows for name, each in found.differences.columns.items()} == {"name": 1, "amount": 1}
    assert found.differences.changed == 2, "NULL is no number that is near to another"


def test_equal_rows_count_as_often_as_they_are_there(tmp_path: Path) -> None:
    twice: list[Row] = [("1", "x", "1.00")] * 2
    found = compared(*folders(tmp_path, twice, [*twice, twice[0]]))
    assert (found.differences.equal, found.differences.only_in_a, found.differences.only_in_b) == (2, 0, 1)


def test_rows_of_a_key_that_occurs_twice_are_paired_and_it_is_said(tmp_path: Path) -> None:
    a: list[Row] = [("1", "x", "1.00"), ("1", "y", "2.00"), ("2", "z", "3.00")]
    b: list[Row] = [("1", "x", "1.50"), ("1", "y", "2.50"), ("2", "z", "3.00")]
    found = compared(*folders(tmp_path, a, b))
    assert (found.differences.changed, found.differences.ambiguous_keys) == (2, 1)
    assert "1 keys (id) of differing rows occur more than once" in found.notes[0]


def test_a_null_in_a_key_is_a_value_like_others(tmp_path: Path) -> None:
    found = compared(*folders(tmp_path, [(None, "x", "1.00")], [(None, "y", "1.00")]))
    assert found.differences.samples == (({"id": None}, {"name": ("x", "y")}),)


def test_without_a_key_whole_rows_are_compared(tmp_path: Path) -> None:
    found = compared(*folders(tmp_path, BASE, [("1", "Anna", "10.01"), *BASE[1:]]), key=())
    assert (found.differences.only_in_a, found.differences.only_in_b, found.differences.changed) == (1, 1, 0)
    assert "no key is defined" in found.notes[0]
    assert found.differences.samples_a == ({"id": "1", "name": "Anna", "amount": "10.00"},)


def test_columns_of_one_side_are_a_difference_and_the_others_are_compared(tmp_path: Path) -> None:
    a = Folder(tmp_path / "a").write(book=[BASE])
    types = {"amount": "numeric(20,4)", "id": "bigint", "more": "text"}
    b = Folder(tmp_path / "b", types=types).write(book=[[(row[2], row[0], "x") for row in BASE]])
    found = compared(a, b)
    assert found.schema == (
        "only A has the column name",
        "only B has the column more",
        "the columns stand in another order",
        "amount is numeric(20,2) in A and numeric(20,4) in B",
    )
    assert not found.differences.differ


def test_files_without_a_manifest_are_added_up_and_compared(tmp_path: Path) -> None:
    b = Folder(tmp_path / "b").write(book=[BASE])
    plain = tmp_path / "old"
    plain.mkdir()
    (plain / "book_0000.csv.gz").write_bytes(gzip.compress(csv_text(["id", "name", "amount"], BASE[:2])))
    (plain / "book_0001.csv.gz").write_bytes(gzip.compress(csv_text(["id", "name", "amount"], BASE[2:])))
    found = compared(plain, b)
    assert found.is_equal
    assert found.totals == {"id": ("10", "10"), "amount": ("16.75", "16.75")}
    (plain / "book_0001.csv.gz").write_bytes(gzip.compress(csv_text(["id", "other", "amount"], BASE[2:])))
    with pytest.raises(BrokenPublicationError, match="different headers"):
        compared(plain, b)


def test_a_corrupted_file_is_refused(tmp_path: Path) -> None:
    a, b = folders(tmp_path, BASE, BASE)
    file = b / "one/prod/book_0000.csv"
    file.write_bytes(file.read_bytes().replace(b"Anna", b"Anne"))
    with pytest.raises(BrokenPublicationError, match=r"book_0000\.csv is not the file that the manifest names"):
        compared(a, b)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"key": ("nr",)}, "--key nr: both sides lack this column; both have id, name, amount"),
        ({"tolerances": {"nr": Decimal(1)}}, "--tolerance nr: both sides lack"),
        ({"export": "other"}, "has no export other; it has book"),
    ],
)
def test_what_is_not_there_cannot_be_compared(tmp_path: Path, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongQuestionError, match=message):
        compared(*folders(tmp_path, BASE, BASE), **wanted)


def test_a_defined_key_that_one_side_lacks_is_told_and_whole_rows_are_compared(tmp_path: Path) -> None:
    a, b = (open_side(str(each), CONFIG) for each in folders(tmp_path, BASE, BASE[:3]))
    (found,) = compare(a, b, Wanted(), defined_key=lambda _: ("id", "invoice")).exports
    assert found.notes[0].startswith("not both sides have invoice of the defined key: whole rows were compared")
    assert (found.key, found.differences.only_in_a) == ((), 1)


def test_a_key_that_one_side_lacks_is_named_with_the_side(tmp_path: Path) -> None:
    a = Folder(tmp_path / "a").write(book=[BASE])
    b = Folder(tmp_path / "b", types={"nr": "bigint", "name": "text", "amount": "numeric(20,2)"}).write(book=[BASE])
    with pytest.raises(WrongQuestionError, match="--key id: B lacks this column"):
        compared(a, b)


def test_sides_without_a_common_column_say_what_they_have(tmp_path: Path) -> None:
    (tmp_path / "book_0000.csv").write_text("id;name;amount\n1;x;2\n")
    a = Folder(tmp_path / "a").write(book=[BASE])
    message = "A has id, name, amount, B has id;name;amount; a file without a manifest .* --delimiter"
    with pytest.raises(WrongQuestionError, match=message):
        compared(a, tmp_path / "book_0000.csv")


def test_neutralised_formulas_are_told(tmp_path: Path) -> None:
    a, b = (Folder(tmp_path / name).write(book=[BASE]) for name in "ab")
    manifest = b / "one/prod/_manifest.json"
    manifest.write_text(manifest.read_text().replace('"null": ""', '"formulas": "neutralise", "null": ""'))
    found = compared(a, b)
    assert found.notes == ("only B has an apostrophe before texts that a spreadsheet would run as formulas",)
    assert "-- Texts that a spreadsheet would run as formulas" in ddl(
        find_publication(str(b), CONFIG), Target("duckdb")
    )


def test_a_folder_with_neither_manifest_nor_csv_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match=r"has neither a _manifest\.json nor CSV files"):
        open_side(str(tmp_path), CONFIG)


def test_files_of_other_systems_may_have_their_line_ends_and_a_mark_of_utf8(tmp_path: Path) -> None:
    b = Folder(tmp_path / "b").write(book=[BASE])
    body = csv_text(["id", "name", "amount"], BASE[:3]).replace(b"\n", b"\r\n")
    plain = tmp_path / "book.csv"
    plain.write_bytes(b"\xef\xbb\xbf" + body)
    found = compared(plain, b)
    assert not found.schema
    assert (found.name, found.differences.equal, found.differences.samples_b) == ("book", 3, ({"id": "4"},))


def test_an_export_without_files_has_no_rows(tmp_path: Path) -> None:
    a = Folder(tmp_path / "a").write(book=[])
    b = Folder(tmp_path / "b").write(book=[BASE[:1]])
    found = compared(a, b)
    assert (found.rows, found.differences.only_in_b) == ((0, 1), 1)


def test_what_is_no_csv_is_refused_with_the_file_and_the_line(tmp_path: Path) -> None:
    b = Folder(tmp_path / "b").write(book=[BASE])
    (tmp_path / "book.csv").write_text("id,name,amount\n1,x,1.00\n2,y\n")
    with pytest.raises(BrokenPublicationError, match=r"/book\.csv cannot be read as CSV: .*Line: 3; see --delimiter"):
        compared(tmp_path / "book.csv", b)
