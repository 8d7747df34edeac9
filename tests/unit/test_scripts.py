"""The rules of script discovery, each on folders made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.sql.queries import find_queries
from billing_aggregator.sql.scripts import SourceFileError, find_scripts, stages
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from pathlib import Path


def make_files(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"select '{name}';\n", encoding="utf-8")
    return root


ORDER_RULES = {
    "by number, then by name": (
        ["200_b.sql", "100_z.sql", "100_a.sql"],
        ["100_a", "100_z", "200_b"],
    ),
    "numbers count, not the order of files": (
        ["110_due_dates.sql", "020_schema.sql", "105_accounts.sql"],
        ["020_schema", "105_accounts", "110_due_dates"],
    ),
    "NOEXEC_ is not run": (
        ["100_a.sql", "NOEXEC_200_b.sql"],
        ["100_a"],
    ),
    "other endings are not run": (
        ["100_a.sql", "200_b.sql.bak", "README.md", "300_c.SQL"],
        ["100_a"],
    ),
    "a client's script of the same name replaces": (
        ["100_a.sql", "200_b.sql", "acme/200_b.sql"],
        ["100_a", "acme:200_b"],
    ),
    "a client's script of another name is added at its place": (
        ["100_a.sql", "300_c.sql", "acme/200_b.sql"],
        ["100_a", "acme:200_b", "300_c"],
    ),
    "a client without a folder gets default": (
        ["100_a.sql", "default/100_a.sql", "default/150_d.sql"],
        ["default:100_a", "default:150_d"],
    ),
    "a client with a folder does not get default": (
        ["100_a.sql", "default/150_d.sql", "acme/160_e.sql"],
        ["100_a", "acme:160_e"],
    ),
    "other clients' folders are not run": (
        ["100_a.sql", "other/200_b.sql"],
        ["100_a"],
    ),
    "NOEXEC_ in a client's folder is not run and replaces nothing": (
        ["100_a.sql", "acme/NOEXEC_100_a.sql"],
        ["100_a"],
    ),
    "an empty folder": ([], []),
}


@pytest.mark.parametrize(("files", "expected"), ORDER_RULES.values(), ids=ORDER_RULES.keys())
def test_order_and_overlay(tmp_path: Path, files: list[str], expected: list[str]) -> None:
    make_files(tmp_path, *(f"init/tripica/{name}" for name in files))
    scripts = find_scripts(tmp_path, "init", "tripica", "acme")
    assert [s.name if s.origin == "base" else f"{s.origin}:{s.name}" for s in scripts] == expected


def test_missing_folder_has_no_scripts(tmp_path: Path) -> None:
    assert find_scripts(tmp_path, "audits", "tripica", "acme") == []


def test_relative_path_is_what_the_template_search_needs(tmp_path: Path) -> None:
    make_files(tmp_path, "init/tripica/100_a.sql", "init/tripica/acme/110_b.sql")
    found = [script.relative for script in find_scripts(tmp_path, "init", "tripica", "acme")]
    assert found == ["init/tripica/100_a.sql", "init/tripica/acme/110_b.sql"]


def test_scripts_of_one_number_run_side_by_side(tmp_path: Path) -> None:
    make_files(tmp_path, *(f"init/t/{name}.sql" for name in ("100_a", "110_b", "110_c", "120_d")))
    grouped = stages(find_scripts(tmp_path, "init", "t", "acme"))
    assert [[script.name for script in stage] for stage in grouped] == [["100_a"], ["110_b", "110_c"], ["120_d"]]


@pytest.mark.parametrize("name", ["a.sql", "10_a.sql", "1000_a.sql", "100-a.sql", "100_A.sql", "100_.sql", "100_ä.sql"])
def test_a_wrong_name_is_refused_with_the_file_and_the_way_out(tmp_path: Path, name: str) -> None:
    make_files(tmp_path, f"init/t/{name}")
    with pytest.raises(SourceFileError, match="three digits") as caught:
        find_scripts(tmp_path, "init", "t", "acme")
    assert name in str(caught.value)
    assert "NOEXEC_" in str(caught.value)


def test_two_scripts_with_one_name_in_one_folder_are_refused(tmp_path: Path) -> None:
    make_files(tmp_path, "init/t/100_charges.sql", "init/t/200_charges.sql")
    with pytest.raises(SourceFileError, match=r"200_charges\.sql.*100_charges\.sql.*same name"):
        find_scripts(tmp_path, "init", "t", "acme")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xef\xbb\xbfselect 1;\n", "byte order mark"), (b"select '\xe4';\n", "byte 8 is not UTF-8")],
)
def test_unreadable_scripts_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    make_files(tmp_path, "init/t/100_a.sql")
    (tmp_path / "init/t/100_a.sql").write_bytes(content)
    with pytest.raises(SourceFileError, match=reason):
        find_scripts(tmp_path, "init", "t", "acme")[0].read()


def test_no_script_is_written_twice() -> None:
    """Where two folders need one script, one of them holds a link to the other's file."""
    texts: dict[bytes, Path] = {}
    for path in sorted(SQL_ROOT.rglob("*.sql")):
        if path.is_symlink():
            assert not path.readlink().is_absolute()
            assert path.resolve().is_relative_to(SQL_ROOT.resolve()), path
        else:
            twin = texts.setdefault(path.read_bytes(), path)
            assert twin == path


def test_archive_queries(tmp_path: Path) -> None:
    make_files(tmp_path, "archive/customer/oibl.sql", "archive/audit/NOEXEC_x.sql", "archive/audit/totals.sql")
    assert list(find_queries(tmp_path)) == ["audit/totals", "customer/oibl"]
    assert find_queries(tmp_path / "nowhere") == {}
