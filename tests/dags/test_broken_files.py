"""A broken file breaks only the DAGs that use it, with one line of explanation."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.cli.validate import validate
from tests.conftest import ROOT
from tests.dags.breaking import a_socket, bytes_of, huge, loop, replaced
from tests.dags.entries import ALL, OF_TRIPICA, QUERY, SCRIPT, SHARED, TWO, the_dags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BROKEN: dict[str, tuple[str, Callable[[Path], object], set[str], str]] = {
    "Latin-1 script": (SCRIPT, bytes_of(b"select '\xe4';"), TWO, "010_b.sql, line 1: byte 8 is not UTF-8; save"),
    "Latin-1 in a later line": (
        SCRIPT,
        bytes_of(b"-- a\n\n-- \xe4"),
        TWO,
        "line 3: byte 9 is not UTF-8; save the file",
    ),
    "Latin-1 check": (
        "prechecks/bookkeeper/100_there.sql",
        bytes_of(b"-- fail: \xe4\nselect 1"),
        ALL,
        "line 1: byte 9 is not UTF-8",
    ),
    "Latin-1 query": (
        QUERY,
        bytes_of(b"-- system: tripica\nselect '\xe4'"),
        OF_TRIPICA,
        "line 2: byte 27 is not UTF-8",
    ),
    "Latin-1 first line of a query": (
        QUERY,
        bytes_of(b"-- \xe4\nselect 1"),
        ALL,
        "oibl.sql, line 1: byte 3 is not UTF-8",
    ),
    "UTF-16": (SCRIPT, bytes_of("select 1".encode("utf-16")), TWO, "line 1: byte 0 is not UTF-8"),
    "byte order mark": (SCRIPT, bytes_of(b"\xef\xbb\xbfselect 1"), TWO, "starts with a byte order mark; save"),
    "NUL": (SCRIPT, bytes_of(b"select 1;\n\0"), TWO, "line 2: byte 10 is NUL, which is not allowed in text; remove it"),
    "empty": (SCRIPT, bytes_of(b""), TWO, "two/010_b.sql: holds no statement; add one, or start its name with NOEXEC_"),
    "blank": (SHARED, bytes_of(b" \n\n"), OF_TRIPICA, "020_c.sql: holds no statement; add one, or start"),
    "huge": (SCRIPT, huge, TWO, "holds more than 16,777,216 bytes; SQL files should not contain data"),
    "folder": (SCRIPT, replaced(lambda path: path.mkdir()), TWO, "two/010_b.sql: is a folder, not a file; remove or"),
    "folder among shared scripts": (
        SHARED,
        lambda path: path.mkdir(),
        OF_TRIPICA,
        "020_c.sql: is a folder, not a file",
    ),
    "folder as query": (QUERY, replaced(lambda path: path.mkdir()), ALL, "oibl.sql: is a folder, not a file"),
    "link to itself": (SCRIPT, replaced(loop), TWO, "two/010_b.sql: is a link that leads back to itself"),
    "link to nothing": (
        SCRIPT,
        replaced(lambda path: path.symlink_to("x")),
        TWO,
        "is a link to x, which does not exist",
    ),
    "link out of the folder": (
        SCRIPT,
        replaced(lambda path: path.symlink_to(ROOT / "include/sql/init/bookkeeper/010_schema.sql")),
        TWO,
        "two/010_b.sql: leads to",
    ),
    "link out of the folder as query": (
        QUERY,
        replaced(lambda path: path.symlink_to(ROOT / "include/sql/archive/customer/oibl.sql")),
        ALL,
        "SQL is read from this folder only: put a copy of the file in it",
    ),
    "folder that is a link out": (
        "init/tripica/one",
        lambda path: path.symlink_to(ROOT / "include/sql/init/bookkeeper/local"),
        {"one_prod"},
        "tripica/one: leads to",
    ),
    "link to itself as query": (QUERY, replaced(loop), ALL, "oibl.sql: is a link that leads back to itself"),
    "pipe": (SCRIPT, replaced(os.mkfifo), TWO, "two/010_b.sql: is a named pipe, not a file"),
    "pipe as query": (QUERY, replaced(os.mkfifo), ALL, "oibl.sql: is a named pipe, not a file"),
    "socket": (SCRIPT, replaced(a_socket), TWO, "two/010_b.sql: is a socket, not a file"),
    "device": (SCRIPT, replaced(lambda path: path.symlink_to("/dev/zero")), TWO, "010_b.sql: is a device, not a file"),
    "client's folder is a file": (
        "init/tripica/one",
        bytes_of(b""),
        {"one_prod"},
        "one: is not a folder; remove or rename",
    ),
    "client's folder is a broken link": (
        "init/tripica/one",
        lambda path: path.symlink_to("x"),
        {"one_prod"},
        "tripica/one: is a link to x, which does not exist",
    ),
    "system's folder is a file": ("audits", bytes_of(b""), ALL, "audits: is not a folder; remove or rename it"),
    "name of odd bytes": (
        "init/tripica/two/020_\udce4.sql",
        bytes_of(b"select 1"),
        TWO,
        "two/020_\\xe4.sql: a script's name is NNN_what_it_makes.sql",
    ),
    "name with a line break": (
        "init/tripica/two/020_a\nb.sql",
        bytes_of(b"select 1"),
        TWO,
        "020_a\\x0ab.sql: a script's",
    ),
    "query's name": (
        "archive/customer/OIBL.sql",
        bytes_of(b"select 1"),
        ALL,
        "OIBL.sql: an export is <audience>/<query>",
    ),
    "queries with one group": (
        "archive/tripica/results.sql",
        bytes_of(b"select 1"),
        OF_TRIPICA,
        "the exports tripica_results and tripica/results have the same task group; rename one",
    ),
    "folder of a phase's earlier name": (
        "export/tripica/010_release.sql",
        bytes_of(b"select 1;"),
        ALL,
        "sql/export: the phase is called release: rename the folder",
    ),
    "heading that is nearly one": (QUERY, bytes_of(b"-- System: tripica\nselect 1"), ALL, "is not '-- system: <name>'"),
    "heading without such a system": (
        QUERY,
        bytes_of(b"-- system: sap\nselect 1"),
        ALL,
        "'-- system: sap' is not a system",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_only_dags_that_use_the_file_are_broken(sql: Path, name: str) -> None:
    file, breaks, broken, reason = BROKEN[name]
    (sql / file).parent.mkdir(parents=True, exist_ok=True)
    breaks(sql / file)
    dags = the_dags()
    assert set(dags) == ALL
    shown = {dag: [line for line in str(found.doc_md).splitlines() if line] for dag, found in dags.items()}
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == broken
    for dag in broken:
        assert len(shown[dag]) == 1, shown[dag]
        assert reason in shown[dag][0]
        assert str(sql) in shown[dag][0]
        shown[dag][0].encode()
    problems = validate().problems
    assert any(reason in problem for problem in problems), problems


def test_a_file_that_may_not_be_read(sql: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: Any, flags: int, *more: Any) -> int:
        if str(path).endswith(SCRIPT):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", refusing)
    dags = the_dags()
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == TWO
    assert "010_b.sql: may not be read by user" in str(dags["two_prod"].doc_md)


def test_all_problems_are_shown_at_once(sql: Path) -> None:
    (sql / SCRIPT).write_bytes(b"\xe4")
    (sql / "init/tripica/two/020_x.sql").mkdir()
    (sql / QUERY).write_bytes(b"-- system: tripica\n\xe4")
    dag = the_dags()["two_prod"]
    assert "broken" in dag.tags
    assert len(str(dag.doc_md).splitlines()) == 3


def test_a_wrong_sql_folder_is_shown_by_each_dag(sql: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("/nowhere", str(sql / QUERY), "~nobody-at-all/x"):
        monkeypatch.setenv("BDA_SCRIPTS_DIR", wrong)
        dags = the_dags()
        assert all("broken" in dag.tags and "BDA_SCRIPTS_DIR = " in str(dag.doc_md) for dag in dags.values()), wrong
