"""References to the specification in SQL, Python, tests and pages exist, and every script names its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, SQL_ROOT
from tests.docs.pages import DEFECTS, PAGES, SPECIFICATION, anchors, explicit_anchors
from tests.docs.references import anchor, comments, in_brackets, in_text, references

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {".sql", ".py", ".toml", ".feature", ".yaml"}
CITING = sorted(
    file
    for folder in ("include", "plugins", "tests", "benchmarks", "dags", "scripts")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in KINDS and "tests/docs" not in file.as_posix()
)
RULES = sorted(file for phase in ("init", "prechecks", "audits") for file in (SQL_ROOT / phase).rglob("*.sql"))
CHECKS = [file for file in RULES if "init" not in file.relative_to(SQL_ROOT).parts[:1]]
# Checked by a test, not by a SELECT: two runs on the same data give the same rows.
WITHOUT_SCRIPT = {"v18"}


def known() -> frozenset[str]:
    return anchors(SPECIFICATION) | anchors(DEFECTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("specification, section 7.1.", ["7.1"]),
        ("-- (specification, sections\n--          10.5 and 10.6)", ["10.5", "10.6"]),
        ("sections 7, 10.2, 11 and 13 say", ["7", "10.2", "11", "13"]),
        ("sections 10.1 to 10.3", ["10.1", "10.3"]),
        ("result check V15, finding O13; rules R19/R20", ["V15", "O13", "R19", "R20"]),
        ("S3, %D1, SQLSTATE P0, 'V1', R2D2, C90", []),
    ],
)
def test_references_are_found(text: str, expected: list[str]) -> None:
    assert list(in_text(text)) == expected


def test_numbers_in_brackets_are_found() -> None:
    assert list(in_brackets("-- X04 (7.3 step 3) early; (14.2, 14.4); 33 (of 41); (2024-01-01)")) == [
        "7.3", "14.2", "14.4",
    ]  # fmt: skip


def test_every_reference_leads_somewhere() -> None:
    broken = {
        f"{file.relative_to(ROOT)}: {reference}"
        for file in [*CITING, *PAGES]
        for reference in references(file)
        if anchor(reference) not in known()
    }
    assert sorted(broken) == []


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.relative_to(SQL_ROOT).as_posix())
def test_every_script_says_which_rule_it_follows(file: Path) -> None:
    heading = comments(file.read_text(encoding="utf-8"))
    cited = [reference for comment in heading for reference in [*in_text(comment), *in_brackets(comment)]]
    assert [reference for reference in cited if anchor(reference) in known()]


def test_every_check_of_the_specification_has_its_script() -> None:
    asked = {name for name in explicit_anchors(SPECIFICATION) if name[0] in "pv"}
    cited = {anchor(reference) for file in CHECKS for reference in references(file)}
    assert asked - cited == WITHOUT_SCRIPT


def test_every_amount_rule_is_marked_in_its_script() -> None:
    asked = {name for name in explicit_anchors(SPECIFICATION) if name[0] == "r"}
    script = SQL_ROOT / "init" / "tripica" / "060_charge_bookings.sql"
    assert asked == {anchor(reference) for reference in references(script) if reference[0] == "R"}


def test_every_kept_oddity_is_marked_in_the_sql() -> None:
    kept = DEFECTS.read_text(encoding="utf-8").split("## Kept")[1].split("\n## ")[0]
    asked = {name for name in explicit_anchors(DEFECTS) if f'id="{name}"' in kept}
    cited = {anchor(reference) for file in SQL_ROOT.rglob("*.sql") for reference in references(file)}
    assert asked - cited == set()
    assert len(asked) > 10
