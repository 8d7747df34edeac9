"""What docs/privileges.md ships: its SQL and its policies, as a reader would copy them."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.conftest import ROOT

PAGE = (ROOT / "docs/privileges.md").read_text(encoding="utf-8")
BUCKET = "billing-data-aggregator-prod"
PREFIX = "enercity/prod/"


def block(heading: str) -> str:
    """Return the code below the comment ``<!-- heading -->``."""
    found = re.search(rf"<!-- {heading} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"the page has no block '{heading}'"
    return found.group(1)


def policy(heading: str, bucket: str, prefix: str = PREFIX) -> dict[str, Any]:
    """Return a policy of the page, for another bucket and prefix."""
    text = block(heading).replace(BUCKET, bucket).replace(PREFIX, prefix)
    found: dict[str, Any] = json.loads(text)
    return found


def rows(section: str) -> dict[str, str]:
    """Return the first table of a section: each name in the first column -> the last column."""
    text = PAGE[PAGE.index(f"\n{section}\n") :]
    lines = re.search(r"\n\|---.*\n((?:\|.*\n)+)", text)
    assert lines, f"{section} has no table"
    found = {}
    for line in lines.group(1).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([^`]+)`", cells[0]):
            found[name] = cells[-1]
    return found


def words(cell: str) -> list[str]:
    """Return the quoted parts of a cell, cut at ``...``."""
    return [
        part.strip() for quoted in re.findall(r"`([^`]+)`", cell) for part in quoted.split("...") if part.strip(' "')
    ]
