"""docs/promises.md: every test and command that it names exists, and every long form is on the page."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

import pytest

from tests.conftest import ROOT
from tests.docs.pages import lines_of
from tests.faults.figures import SHARES

PAGE = ROOT / "docs" / "promises.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_MAKE = re.compile(r"`make ([a-z-]+)\b[^`]*`")


def rows() -> list[list[str]]:
    """Return the cells of each promise."""
    lines = [line for _, line, fenced in lines_of(PAGE) if line.startswith("| ") and not fenced]
    return [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in lines
        if not line.startswith("| promise ")
    ]


@lru_cache
def functions(file: str) -> frozenset[str]:
    """Return the names of the module's test functions; none of a module that is not there."""
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def long_forms() -> set[tuple[str, str]]:
    """Return file and name of each test that is marked as the long form of a promise."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = any("pytest.mark.faults" in ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign))
        tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        for node in tests:
            if whole or any("pytest.mark.faults" in ast.unparse(mark) for mark in node.decorator_list):
                found.add((path.relative_to(ROOT).as_posix(), node.name))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_a_promise_has_its_test_a_figure_and_a_command(row: list[str]) -> None:
    promise, tests, figure, command = row
    named = _TEST.findall(tests)
    assert promise
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in functions(file)] == []
    assert figure not in ("", "-")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = _MAKE.findall(command)
    assert command == "quick" or targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_long_form_is_on_the_page() -> None:
    named = {test for row in rows() for test in _TEST.findall(row[1])}
    assert sorted(long_forms() - named) == []


def test_make_runs_every_long_form() -> None:
    """It looks into some folders only: to read all tests takes longer than many a test."""
    command = re.search(r"-m pytest -m faults .*", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert command
    assert {file.rpartition("/")[0] for file, _ in long_forms()} == set(re.findall(r"tests/\w+(?= |$)", command[0]))
    assert sum(SHARES.values()) == pytest.approx(1)
