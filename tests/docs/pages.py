"""Reads the project's Markdown pages: anchors, links, prose, and the references of SQL and Python to them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS = ("docs", "helm", "terraform", "flux", "constraints", "benchmarks", "tests", "include")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)
SPECIFICATION = ROOT / "docs" / "specification.md"
DEFECTS = ROOT / "docs" / "defects.md"

_FENCE = re.compile(r"^ *(```|~~~)")
_HEADING = re.compile(r"#{1,6} +(.*?)\s*$")
_EXPLICIT = re.compile(r'<a id="([^"]+)"></a>')
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")


def name_of(page: Path) -> str:
    """Return the page's path from the root, for the names of tests and for messages."""
    return page.relative_to(ROOT).as_posix()


def lines_of(page: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield number, text and "is it in a fenced block" of each line; the fences themselves belong to the block."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        edge = bool(_FENCE.match(line))
        yield number, line, fenced or edge
        fenced ^= edge


@lru_cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the page: explicit ones, and those of headings as GitHub names them."""
    found: list[str] = []
    for _, line, fenced in lines_of(page):
        if fenced:
            continue
        found += _EXPLICIT.findall(line)
        if heading := _HEADING.match(line):
            found.append(slug(heading[1]))
    return frozenset(found)


def explicit_anchors(page: Path) -> list[str]:
    """Return the page's explicit anchors, in their order."""
    return [found for _, line, fenced in lines_of(page) if not fenced for found in _EXPLICIT.findall(line)]


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: lower case, no punctuation, hyphens for blanks."""
    text = _LINK.sub(r"\g<text>", _EXPLICIT.sub("", heading)).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and target of each link that leads into the project; its text may span two lines."""
    text = "\n".join("" if fenced else _CODE.sub("", line) for _, line, fenced in lines_of(page))
    for match in _LINK.finditer(text):
        if not re.match(r"[a-z]+:", match["target"]):
            yield text.count("\n", 0, match.start()) + 1, match["target"]
