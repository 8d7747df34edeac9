"""``publications`` on the command line: words, JSON and the exit status of each kind."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.cli import main
from tests.unit.publications.folders import Folder, Row

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[Row] = [("1", "Anna", "10.00"), ("2", None, "-0.50")]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(Folder(tmp_path / "a").write(book=[ROWS]))


@pytest.fixture
def other(tmp_path: Path) -> str:
    return str(Folder(tmp_path / "b", run_id="other").write(book=[[("1", "Anna", "10.01"), ROWS[1]]]))


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["publications", *arguments, "--json"])
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert data["ok"] is (status == 0)
    return status, data


def test_each_question_has_an_answer_in_json(capsys: pytest.CaptureFixture[str], folder: str, other: str) -> None:
    assert answered(capsys, "show", folder)[1]["manifest"]["run_id"] == "run"
    status, checked = answered(capsys, "verify", folder)
    assert (status, checked["problems"], checked["files"][0]["rows"]) == (0, [], 2)
    assert answered(capsys, "ddl", folder, "--engine", "duckdb")[1]["sql"].startswith("-- book of one/prod")
    status, found = answered(capsys, "compare", folder, other, "--key", "id")
    assert status == 1
    (book,) = found["exports"]
    assert book["samples"] == [{"key": {"id": "1"}, "columns": {"amount": {"a": "10.00", "b": "10.01"}}}]
    assert answered(capsys, "compare", folder, other, "--key", "id", "--tolerance", "amount=0.01")[0] == 0


def test_people_read_numbers_first_then_samples(capsys: pytest.CaptureFixture[str], folder: str, other: str) -> None:
    assert main(["publications", "compare", folder, other, "--key", "id"]) == 1
    text = capsys.readouterr().out
    assert text.index("total amount") < text.index("equal rows") < text.index('changed    id="1"')
    assert 'amount: "10.00" -> "10.01"' in text
    assert text.endswith("different\n")
    assert main(["publications", "verify", folder]) == 0
    assert "whole: 1 file, 2 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["show", "/nowhere"], 3, "/nowhere does not exist"),
        (["show", "build/no/where"], 3, "build/no/where does not exist"),
        (["verify", "{folder}", "--export", "x"], 2, "has no export x; it has book"),
        (["compare", "{folder}", "{folder}", "--key", "nr"], 2, "both sides lack this column"),
        (["compare", "{folder}", "{folder}", "--tolerance", "amount"], 2, "give a column and a number"),
        (["compare", "{folder}", "{folder}", "--delimiter", "a"], 2, "--delimiter or --null: "),
        (["ddl", "{folder}", "--engine", "athena"], 2, "athena loads from a bucket"),
        (["compare", "{folder}", "{folder}/nowhere"], 3, "nowhere does not exist"),
        (["list", "--limit", "0"], 2, "--limit 0"),
        (["download", "{folder}", "--to", "{folder}/one"], 2, "is not empty and no download"),
        (["show", "--client", "no client"], 2, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_each_mistake_has_its_status_and_one_sentence(
    capsys: pytest.CaptureFixture[str], folder: str, arguments: list[str], status: int, sentence: str
) -> None:
    assert main(["publications", *(each.format(folder=folder) for each in arguments)]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.startswith("error: ")


def test_a_broken_manifest_or_file_is_status_1(capsys: pytest.CaptureFixture[str], folder: str, tmp_path: Path) -> None:
    file = tmp_path / "a/one/prod/book_0000.csv"
    file.write_bytes(file.read_bytes()[:-1])
    status, checked = answered(capsys, "verify", folder)
    assert status == 1
    assert "is not the file that the manifest names" in checked["problems"][0]
    file.unlink()
    assert answered(capsys, "verify", folder)[0] == 3
    manifest = tmp_path / "a/one/prod/_manifest.json"
    for body, problem in (("{", "Invalid JSON"), ("{}", "run_id: Field required")):
        manifest.write_text(body)
        status, refused = answered(capsys, "verify", folder)
        assert status == 1
        assert f"is no manifest: {problem}" in refused["problems"][0]


def test_types_are_asked_of_a_manifest_that_has_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    old = Folder(tmp_path / "old", schema_version=1).write(book=[ROWS])
    status, refused = answered(capsys, "ddl", str(old), "--engine", "postgres")
    assert status == 2
    assert "says no types of book: it was written by an earlier version" in refused["problems"][0]
    assert answered(capsys, "verify", str(old))[0] == 0
    assert answered(capsys, "compare", str(old), str(old), "--key", "id")[0] == 0


def test_without_duckdb_compare_says_what_to_install(
    capsys: pytest.CaptureFixture[str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    status, refused = answered(capsys, "compare", folder, folder)
    assert status == 2
    assert refused["problems"] == ["compare needs the package duckdb, which is not installed here: pip install duckdb"]
