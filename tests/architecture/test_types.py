"""mypy looks at every Python file of the project; where one of its errors is ignored, a comment says why."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    import psycopg2.extensions

    from billing_aggregator.postgres import Connection

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
IGNORED = re.compile(r"# type: ignore\b.*")
EXPLAINED = re.compile(r"# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # .*\w")


def unexplained(source: str) -> Iterator[str]:
    for comment in IGNORED.findall(source):
        if not EXPLAINED.match(comment):
            yield comment


def test_every_folder_is_checked_strictly() -> None:
    assert SETTINGS["strict"] is True
    folders = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("[a-z]*/**/*.py")} - {"build"}
    assert folders == set(SETTINGS["files"])


def test_ignored_errors_are_explained() -> None:
    files = [
        path for folder in SETTINGS["files"] for path in (ROOT / folder).rglob("*.py") if path.name != "test_types.py"
    ]
    found = {str(path.relative_to(ROOT)): list(unexplained(path.read_text(encoding="utf-8"))) for path in files}
    assert {path: comments for path, comments in found.items() if comments} == {}


def test_unexplained_ones_are_found() -> None:
    source = "a = 1  # type: ignore\nb = 2  # type: ignore[misc]\nc = 3  # type: ignore[misc]  # the library lies"
    assert len(list(unexplained(source))) == 2


def _connections(
    of_psycopg3: psycopg.Connection[tuple[Any, ...]], of_psycopg2: psycopg2.extensions.connection
) -> list[Connection]:
    """Not called: mypy finds here that a driver has what the protocol says."""
    return [of_psycopg3, of_psycopg2]
