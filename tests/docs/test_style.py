"""Pages are read in editors and in reviews: no line is longer than 120 characters but rows of tables and output."""

from __future__ import annotations

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


def test_a_long_line_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{'a ' * 80}\n| {'a ' * 80} |\n```text\n{'a ' * 80}\n```\n    {'a ' * 80}\n", encoding="utf-8")
    assert too_long(page) == [1, 6]
