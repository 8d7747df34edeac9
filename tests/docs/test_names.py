"""Names on the pages exist: files, scripts, make targets, commands, Airflow Variables."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.cli.main import main
from tests.conftest import ROOT, SQL_ROOT
from tests.docs.pages import PAGES, lines_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS = [
    "dags",
    "docs",
    "include",
    "plugins",
    "tests",
    "helm",
    "scripts",
    "docker",
    "constraints",
    "benchmarks",
    "services",
    "sample",
    "terraform",
    "flux",
    ".github",
]
MESSAGES = ROOT / "docs" / "alerts.md"
# Names of files that are built, fetched or written elsewhere.
MADE_ELSEWHERE = re.compile(
    r"^(build/.*|lists/.*|dags/(include|\.airflowignore).*|include/sql/\w+/meters/.*"
    r"|_(manifest|publishing)\.json|\S*_\d{4}\.csv|run\.log|messages\.txt|bench-\w+\.json|mwaa\.in|top\.sql"
    r"|startup\.sh|connection\.json|values\.schema\.json|airflow_constraints\.txt|mwaa_essential_constraints\.txt)$"
)
# The example system of CONTRIBUTING.md.
EXAMPLES = {"010_meters_results", "010_publish_meters_results"}
_FILE = re.compile(r"`([\w./-]+\.(?:py|sql|ya?ml|md|toml|txt|sh|json|csv|feature|in))`")
_PATH = re.compile(
    r"(?<![\w./<-])"
    r"((?:dags|docs|include|plugins|services|tests|helm|scripts|docker|constraints|benchmarks|terraform|flux)/[\w./-]*\w)"
)
_SCRIPT = re.compile(r"(?<![\w.-])(?:\w+/)*(\d{3}_[a-z0-9_]+)\b")
_TARGET = re.compile(r"(?:`|^ *|&& )make ([a-z][a-z-]*)\b")
_COMMAND = re.compile(r"python -m billing_aggregator ([a-z]+)")


def lines(page: Path) -> Iterator[str]:
    """Yield the page's lines; of the page about alerts only the prose: its messages are about clients of a test."""
    for _, line, fenced in lines_of(page):
        if not (fenced and page == MESSAGES):
            yield line


def found(page: Path, pattern: re.Pattern[str]) -> list[str]:
    return [match[1] for line in lines(page) for match in pattern.finditer(line)]


@lru_cache
def file_names() -> frozenset[str]:
    """Return the path of each file and folder, from the root and from each of its folders."""
    names: set[str] = set()
    for folder in FOLDERS:
        for path in [ROOT / folder, *(ROOT / folder).rglob("*")]:
            parts = path.relative_to(ROOT).parts
            names.update("/".join(parts[first:]) for first in range(len(parts)))
    return frozenset(names | {path.name for path in ROOT.iterdir()})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_files_exist(page: Path) -> None:
    named = {name.rstrip("/") for name in found(page, _FILE) + found(page, _PATH)}
    assert sorted(name for name in named if name not in file_names() and not MADE_ELSEWHERE.match(name)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_scripts_exist(page: Path) -> None:
    existing = {file.stem for root in (SQL_ROOT, ROOT / "benchmarks") for file in root.rglob("*.sql")}
    assert sorted(set(found(page, _SCRIPT)) - existing - EXAMPLES) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    existing = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert sorted(set(found(page, _TARGET)) - existing) == []


def test_named_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"^ {4}([a-z]+)(?: {2}|$)", capsys.readouterr().out, re.MULTILINE))
    named = {(name_of(page), command) for page in PAGES for command in found(page, _COMMAND)}
    assert commands
    assert sorted((page, command) for page, command in named if command not in commands) == []


def test_airflow_variables_are_documented() -> None:
    """Modules that use Airflow's Variables name them in a constant; docs/configuration.md lists them all."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "plugins").rglob("*.py")]
    using = [text for text in sources if re.search(r"from airflow\.sdk import .*\bVariable\b", text)]
    named = {name for text in using for name in re.findall(r'^\w*VARIABLE\w* = "(\w+)"', text, re.MULTILINE)}
    listed = set(
        re.findall(
            r"^\| `(\w+?)(?:<dag id>)?` \| [a-z]", page.split("## Airflow Variables")[1].split("\n## ")[0], re.MULTILINE
        )
    )
    assert using
    assert named == listed
