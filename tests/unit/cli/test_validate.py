"""``validate``: every kind of mistake is found without a connection, all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.cli.validate import Validation, validate
from tests.unit.cli.include_folder import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_good_folder_is_valid(include: Callable[[dict[str, str]], Path]) -> None:
    include({})
    assert validate() == Validation((), (), {"clients and environments": 3, "scripts and checks": 4, "exports": 3})


MISTAKES = [
    (
        "clients.yaml",
        CLIENTS.replace("one: {prod: {}", "one: {prod: {retrys: 1}"),
        "retrys: unknown key; did you mean r",
    ),
    ("clients.yaml", CLIENTS.replace("{prod: {}, stage", "{prod: {systems: [sap]}, stage"), "unknown system sap"),
    ("clients.yaml", CLIENTS.replace("  two: {prod: {}}", "  one: {dev: {}}"), "duplicate key one"),
    (
        "clients.yaml",
        CLIENTS.replace("exports,", "exports, key_template: '{file}',"),
        "the files of two clients or environments would",
    ),
    (
        "clients.yaml",
        CLIENTS.replace("two: {prod: {}}", "two: {prod: {check_severity: {a: warn}}}"),
        "there is no check a",
    ),
    ("sql/init/bookkeeper/mistake.sql", "select 1;", "mistake.sql: a script's name is NNN_what_it_makes.sql"),
    ("sql/init/bookkeeper/020_a.sql", "select 1;", "020_a.sql: 010_a.sql in the same folder has the same name"),
    ("sql/init/tripica/one/1_b.sql", "select 1;", "one/1_b.sql: a script's name is NNN_what_it_makes.sql"),
    (
        "sql/init/tripica/020_c.sql",
        "\ufeffselect 1;",
        "starts with a byte order mark; save the file as UTF-8 without BOM",
    ),
    (
        "sql/init/tripica/020_c.sql",
        "-- nothing yet\n",
        "020_c.sql: holds no statement; add one, or start its name with",
    ),
    ("sql/init/tripica/020_c.sql", "select 1;\nCommit;", "020_c.sql, line 2: Commit cannot stand in a script"),
    ("sql/init/tripica/020_c.sql", "vacuum analyze x;", "020_c.sql, line 1: vacuum cannot stand in a script"),
    (
        "sql/init/tripica/020_c.sql",
        "create unique index\n concurrently on x (a);",
        "create unique index concurrently cannot",
    ),
    (
        "sql/audits/tripica/100_x.sql",
        "select 1;",
        "100_x.sql: the first line of a check is '-- fail: <what must hold>'",
    ),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\n", "100_x.sql: there is no SELECT below the comments"),
    ("sql/init/sap/010_x.sql", "select 1;", "init/sap: no system has this name; known: bookkeeper, tripica"),
    ("sql/export/tripica/010_x.sql", "select 1;", "sql/export: the phase is called release: rename the folder"),
    ("sql/intit/tripica/010_x.sql", "select 1;", "intit: no phase has this name; the phases are prechecks, init"),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\nselect 1; select 2;\n", "100_x.sql: a check is one query: SELECT"),
    ("sql/archive/customer/oibl.sql", "delete from x", "oibl.sql: an export is one query: SELECT"),
    ("sql/archive/customer/oibl.sql", "select 1; select 2", "oibl.sql: an export is one query: SELECT"),
    (
        "sql/archive/customer/oibl.sql",
        "-- system: tripika\nselect 1",
        "'-- system: tripika' is not a system; did you mean",
    ),
    ("sql/init/tripica/020_c.sql", "select 1;\n\\i other.sql\n", "020_c.sql, line 2: \\i is a command of psql"),
    ("sql/init/tripica/020_c.sql", "\\set a 1\nselect 1;\n", "020_c.sql, line 1: \\set is a command of psql"),
    ("sql/init/tripica/020_c.sql", "\\restrict x\nselect 1;\n", "020_c.sql, line 1: \\restrict is a command of psql"),
    ("sql/init/tripica/020_c.sql", "select 1;\ncopy x from stdin;\n1\n\\.\n", "line 2: COPY ... FROM STDIN waits for"),
    ("sql/init/tripica/020_c.sql", "select 1;\n\nabort;\n", "020_c.sql, line 3: abort cannot stand in a script"),
    ("sql/init/tripica/020_c.sql", "do $$\nbegin commit; end $$;\n", "line 2: commit cannot stand in a block of a"),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\nselect :'x';\n", "100_x.sql, line 2: :'x' is a variable of psql"),
    (
        "sql/audits/tripica/100_x.sql",
        "-- fail: a\nwith x as (delete from y returning 1) select * from x;\n",
        "100_x.sql: a check is one query that only reads",
    ),
    ("sql/archive/customer/oibl.sql", "select 1 as a \\gset\n", "oibl.sql, line 1: \\gset is a command of psql"),
    ("sql/archive/Kunde/oibl.sql", "select 1", "Kunde/oibl.sql: an export is <audience>/<query>.sql"),
    (
        "clients.yaml",
        CLIENTS.replace("two: {prod: {}}", "two: {prod: {script_settings: {init/tripica/999_x: {work_mem: 1MB}}}}"),
        "script_settings: there is no script init/tripica/999_x",
    ),
]


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES, ids=[message[:30] for *_, message in MISTAKES])
def test_a_mistake_is_found_once(include: Callable[[dict[str, str]], Path], name: str, text: str, message: str) -> None:
    include({name: text})
    found = validate()
    assert found.status == 2
    matching = [problem for problem in found.problems if message in problem]
    assert matching
    assert len(matching) == len(set(matching))


def test_a_system_without_scripts_is_found(include: Callable[[dict[str, str]], Path]) -> None:
    folder = include({})
    (folder / "sql/init/tripica/010_b.sql").unlink()
    found = validate()
    assert any("init/tripica: system tripica has no scripts here" in problem for problem in found.problems)
    assert not any("of two/prod" in problem for problem in found.problems), "two has a script of its own"


def test_a_missing_sql_folder_is_found(
    include: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    include({})
    monkeypatch.setenv("BDA_SCRIPTS_DIR", "/nowhere")
    assert validate().problems == (
        "BDA_SCRIPTS_DIR = '/nowhere': /nowhere/init is not a folder; it must hold <system>/NNN_what_it_makes.sql",
    )


def test_all_mistakes_are_reported_at_once(include: Callable[[dict[str, str]], Path]) -> None:
    include({name: text for name, text, _ in MISTAKES[5:14]} | {"clients.yaml": CLIENTS.replace("null", "never")})
    assert len(validate().problems) >= 6


def test_the_projects_own_files_are_valid() -> None:
    found = validate()
    assert found.problems == ()
    assert found.counts["clients and environments"] == 11
