"""Texts that a spreadsheet would run get an apostrophe in front, where the dialect says so; nothing else changes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.config.export_options import Dialect
from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication, read_csv

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

NEUTRALISE = {"dialect": {"formulas": "neutralise"}}
#: Text -> what the file has.
TEXTS = {
    "=1+1": "'=1+1",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.example","y")': '\'=HYPERLINK("http://x.example","y")',
    "+49 911 123": "'+49 911 123",
    "-2+3": "'-2+3",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\rx": "'\rx",
    "\nx": "'\nx",
    "  =1": "'  =1",
    "\u00a0=1": "'\u00a0=1",
    "\ufeff=1": "'\ufeff=1",
    "\u202e=1": "'\u202e=1",
    "\u200b-x": "'\u200b-x",
    "＝1": "'＝1",
    "＠x": "'＠x",
    "'quoted": "''quoted",
    "-12.30": "-12.30",
    "+12": "+12",
    "-1.234,56": "-1.234,56",
    "12.30": "12.30",
    "": "",
    "Müller; =1": "Müller; =1",
    "a=b": "a=b",
    "x\n=1": "x\n=1",
    "5 - 3": "5 - 3",
    "-": "'-",
}
TYPES = """
create type mood as enum ('=sad', 'ok');
create domain dangerous as text;
create table types (
    a_text text, a_varchar varchar(9), a_char char(4), a_name name, a_mood mood, a_domain dangerous,
    a_number numeric(9, 2), an_integer int, a_float float8, a_date date, an_interval interval, a_bool bool,
    a_json jsonb, some_bytes bytea, some_texts text[], a_range int4range
);
insert into types values (
    '=1', '=1', '=1', '=1', '=sad', '=1', -12.30, -5, -1.5, '2026-01-31', '-1 day', true, '-1', '\\x3d', '{=1}',
    '[-5,3)'
), (
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
)
"""
NUMBERED = ["-12.30", "-5", "-1.5", "2026-01-31", "-1 days", "t", "-1", "\\x3d", "{=1}", "[-5,3)"]


def fill(lab: Lab) -> None:
    lab.sql("drop table if exists hostile", "create table hostile (id int, amount numeric(9, 2), note text)")
    with psycopg.connect(lab.dsn) as connection, connection.cursor() as cursor:
        rows = [(number, -number, text) for number, text in enumerate(TEXTS)]
        cursor.executemany("insert into hostile values (%s, %s, %s)", [*rows, (99, None, None)])


def published(lab: Lab, export: Export, **options: Any) -> list[list[str]]:
    lab.options = lab.options.model_validate(lab.options.model_dump() | options)
    lab.whole_run([export])
    manifest = lab.manifest()
    check_publication(lab.store, manifest)
    found = manifest.exports[export.name]
    text = b"".join(read_csv(lab.store, found, file) for file in found.files).decode()
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


EXPORTS = {
    "table": Export("notes", table=("public", "hostile")),
    "columns": Export("notes", query="select id, amount, note from hostile"),
    "frozen": Export("notes", query="select id, amount, note from hostile where true order by id"),
}


@pytest.mark.parametrize("kind", sorted(EXPORTS))
def test_texts_are_neutralised_and_numbers_are_not(lab: Lab, kind: str) -> None:
    fill(lab)
    rows = published(lab, EXPORTS[kind], **NEUTRALISE)
    by_id = {int(row[0]): row for row in rows}
    for number, expected in enumerate(TEXTS.values()):
        assert by_id[number][1:] == [f"{-number}.00", expected]
    assert by_id[99][1:] == ["", ""]


def test_no_cell_begins_a_formula_whatever_delimiter_a_spreadsheet_takes(lab: Lab) -> None:
    """All texts are quoted, so that a semicolon or a tab in one of them begins no cell."""
    lab.sql("drop table if exists hostile", "create table hostile as select 1 as id, 'x;=1\t=2|=3'::text as note")
    lab.options = lab.options.model_validate(NEUTRALISE)
    lab.whole_run([Export("notes", table=("public", "hostile"))])
    assert lab.csv("notes") == [b'id,note\n1,"x;=1\t=2|=3"\n']


def test_it_is_off_by_default_and_the_manifest_says_when_it_is_on(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    fill(lab)
    plain = published(lab, EXPORTS["table"])
    assert {row[2] for row in plain} == {*TEXTS}
    before = lab.manifest().exports["notes"]
    assert "formulas" not in before.csv
    published(lab, EXPORTS["table"], **NEUTRALISE)
    after = lab.manifest().exports["notes"]
    assert after.csv == before.csv | {"formulas": "neutralise"}
    assert (after.rows, after.control_totals) == (before.rows, before.control_totals)
    assert after.control_totals == {"id": str(sum(range(len(TEXTS))) + 99), "amount": f"-{sum(range(len(TEXTS)))}.00"}


def test_it_can_be_undone(new_lab: Callable[..., Lab]) -> None:
    """One apostrophe less gives each text back: one that began with an apostrophe has two."""
    lab = new_lab()
    fill(lab)
    rows = published(lab, EXPORTS["table"], **NEUTRALISE)
    assert {row[2].removeprefix("'") for row in rows} == {*TEXTS}


def test_types(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    lab.sql(
        "drop table if exists types", "drop type if exists mood", "drop domain if exists dangerous", *TYPES.split(";")
    )
    first, second = published(lab, Export("types", table=("public", "types")), **NEUTRALISE)
    assert first == ["'=1", "'=1", "'=1  ", "'=1", "'=sad", "'=1", *NUMBERED]
    assert second == [""] * len(first)


def test_repeated_tasks_and_dry_runs_give_the_same_bytes(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    fill(lab)
    lab.options = lab.options.model_validate(NEUTRALISE | {"max_rows_per_file": 10, "chunk_totals": True})
    for kind, export in EXPORTS.items():
        plan = lab.plan(lab.run(), export)
        first, again = lab.chunks(plan), lab.chunks(plan)
        assert [state.sha256 for state in first] == [state.sha256 for state in again]
        lab.publish([plan], again)
        check_publication(lab.store, lab.manifest())
        connection = lab.connect()
        tried = dry_run(connection, lab.run(), export, lab.options, timeout=60)
        connection.close()
        assert [file.sha256 for file in tried.files] == [state.sha256 for state in first], kind


def test_a_database_in_latin_1(new_lab: Callable[..., Lab]) -> None:
    """The pattern's characters need not exist in the database's encoding."""
    lab = new_lab()
    with psycopg.connect(lab.dsn, autocommit=True) as admin:
        admin.execute("drop database if exists latin")
        admin.execute("create database latin encoding 'LATIN1' template template0 locale 'C'")
    lab.dsn = lab.dsn.replace("dbname=exports", "dbname=latin")
    lab.sql("create table hostile (note text)", "insert into hostile values ('=Ü'), ('\u00a0=Ü'), ('Ü')")
    rows = published(lab, Export("notes", table=("public", "hostile")), **NEUTRALISE)
    assert rows == [["'=Ü"], ["'\u00a0=Ü"], ["Ü"]]


def test_only_known_words() -> None:
    with pytest.raises(ValueError, match="'keep' or 'neutralise'"):
        Dialect.model_validate({"formulas": True})
