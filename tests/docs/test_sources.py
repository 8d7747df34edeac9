"""Section 4 of the specification names exactly the tables and columns that check P1 requires."""

from __future__ import annotations

import re

from tests.conftest import SQL_ROOT
from tests.docs.pages import SPECIFICATION

CHECKS = sorted(SQL_ROOT.glob("prechecks/*/11*_exist.sql"))
_SOURCE = re.compile(r"\(\s*'(\w+\.\w+)',\s*'([^']+)'")


def wanted() -> dict[str, set[str]]:
    """Return table -> columns of the checks; a line break in a list of columns belongs to the SQL, not to the text."""
    found: dict[str, set[str]] = {}
    for check in CHECKS:
        text = re.sub(r"'\s*\|\|\s*'", "", check.read_text(encoding="utf-8"))
        for table, columns in _SOURCE.findall(text):
            found[table] = {column.split()[0] for column in columns.split(",")}
    return found


def documented() -> dict[str, set[str]]:
    """Return table -> columns of section 4, without tables that are not read."""
    text = SPECIFICATION.read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for schema, rows in re.findall(r"^### 4\.\d (?:`(\w+)`)?(.*?)(?=^<a id)", text, re.MULTILINE | re.DOTALL):
        for table, cell in re.findall(r"^\| `([\w.]+)` \| (.*?) \|", rows, re.MULTILINE):
            if "not read" not in cell:
                # Keys of a JSON column stand in brackets behind it.
                columns = re.sub(r"\([^)]*\)", "", cell)
                found[f"{schema}.{table}" if schema else table] = set(re.findall(r"`(\w+)`", columns))
    return found


def test_the_sources_are_those_of_the_checks() -> None:
    assert len(wanted()) > 20
    assert documented() == wanted()
