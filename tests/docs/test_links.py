"""Every link from a page into the project leads to an existing file and anchor."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, SPECIFICATION, anchors, explicit_anchors, links, name_of, slug

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for number, target in links(page):
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        missing = not file.exists() or (fragment and file.suffix == ".md" and fragment not in anchors(file))
        if missing:
            broken.append(f"{name_of(page)}, line {number}: {target}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_are_unique(page: Path) -> None:
    assert [name for name, times in Counter(explicit_anchors(page)).items() if times > 1] == []


def test_headings_are_named_as_github_does() -> None:
    assert slug("The order of the rows") == "the-order-of-the-rows"
    assert slug("`make bench-sql CHARGES=1000000`: init") == "make-bench-sql-charges1000000-init"


def test_the_readme_leads_to_the_specification() -> None:
    readme = next(page for page in PAGES if name_of(page) == "README.md")
    assert SPECIFICATION in {(readme.parent / target.partition("#")[0]).resolve() for _, target in links(readme)}
