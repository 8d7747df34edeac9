"""The form of pages: lines of at most 120 characters, except rows of tables and output, and nothing written twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, lines_of, name_of

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 120


def too_long(page: Path) -> list[int]:
    """Return the numbers of long lines; a fenced block shows what a program writes and is left as it is."""
    return [
        number
        for number, line, fenced in lines_of(page)
        if len(line) > LONGEST and not fenced and not line.lstrip().startswith("|")
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_are_short(page: Path) -> None:
    assert too_long(page) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_blanks_at_the_ends(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [number for number, line in enumerate(text.splitlines(), 1) if line != line.rstrip()] == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def repeated(page: Path) -> list[str]:
    """Return the headings of sections and the rows of tables that occur more than once, headings of tables apart."""
    lines = [line for _, line, fenced in lines_of(page) if not fenced]
    after = [*lines[1:], ""]
    found = [line for line, below in zip(lines, after, strict=True) if not below.startswith("|---")]
    counts = Counter(line for line in found if line.startswith(("## ", "| ")) and not line.startswith("| |"))
    return [line for line, times in counts.items() if times > 1]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_section_or_row_is_repeated(page: Path) -> None:
    assert repeated(page) == []


def test_a_repeated_row_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## One\n| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |\n\n| a | b |\n|---|---|\n", encoding="utf-8")
    assert repeated(page) == ["| 1 | 2 |"]


def test_a_long_line_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{'a ' * 80}\n| {'a ' * 80} |\n```text\n{'a ' * 80}\n```\n    {'a ' * 80}\n", encoding="utf-8")
    assert too_long(page) == [1, 6]
