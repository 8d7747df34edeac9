"""docs/checks.md lists every check with the severity and title of its file."""

from __future__ import annotations

import re

from billing_aggregator.sql.checks import parse_check
from tests.conftest import ROOT, SQL_ROOT

ROW = re.compile(r"\| `(?P<check>[^`]+)` \| (?P<severity>\w+) \| (?P<title>.+?) \| (?P<todo>.+?) \|")


def test_page_lists_every_check_as_its_file_has_it() -> None:
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    listed = [(row["check"], row["severity"], row["title"]) for row in ROW.finditer(page)]
    files = sorted([*SQL_ROOT.glob("prechecks/**/*.sql"), *SQL_ROOT.glob("audits/**/*.sql")])
    present = []
    for file in files:
        check = parse_check(file.read_text(encoding="utf-8"), file)
        present.append((file.relative_to(SQL_ROOT).with_suffix("").as_posix(), check.severity, check.title))
    assert sorted(listed) == present


def test_page_names_no_check_that_does_not_exist() -> None:
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:prechecks/|audits/)?(?:bookkeeper/|tripica/|orders/|usage/)?(\d{3}_\w+)`", page))
    existing = {file.stem for phase in ("prechecks", "audits") for file in (SQL_ROOT / phase).rglob("*.sql")}
    assert named == existing
