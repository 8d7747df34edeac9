"""What developers use: hooks are the Makefile's tools, one version everywhere, release notes in their form."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
import yaml
from pre_commit.clientlib import load_config
from scripts import release

from billing_aggregator.config.environment import TOOL_VARIABLES
from tests.deploy.support import ROOT, missing_tool

if TYPE_CHECKING:
    from pathlib import Path

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERSION = release.version()
IMAGE = re.compile(r"billing-data-aggregator:(\d[\w.+-]*)")
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_variables_of_the_tests_are_kept() -> None:
    """tests/conftest.py removes every other BDA_* variable before any test could read it."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    read = {name for text in texts for name in re.findall(r'os\.environ\.get\("(BDA_\w+)"', text)}
    assert read == TOOL_VARIABLES


@pytest.mark.parametrize(("required", "fails"), [("", False), ("1", True), ("redis-server", True), ("redis", False)])
def test_a_tool_that_must_be_there_is_not_skipped(monkeypatch: pytest.MonkeyPatch, required: str, fails: bool) -> None:
    monkeypatch.setenv("BDA_REQUIRE_TOOLS", required)
    # Both are caught: a skip that passed by would skip this test, too.
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as caught:
        missing_tool("redis-server is not installed")
    assert caught.type is (pytest.fail.Exception if fails else pytest.skip.Exception)


def recipe(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found
    return found[1]


def hooks() -> dict[str, list[str]]:
    config = load_config(str(ROOT / ".pre-commit-config.yaml"))
    return {hook["id"]: hook["entry"].split() for repo in config["repos"] for hook in repo["hooks"]}


def test_hooks_are_the_tools_of_the_makefile() -> None:
    tools = set(re.findall(r"\$\(BIN\)/(\S+)", recipe("lint") + recipe("typecheck")))
    programs = {entry[0].removeprefix(".venv/bin/") for entry in hooks().values()}
    assert programs - {"python"} == tools
    assert all(entry[0].startswith(".venv/bin/") for entry in hooks().values())


def test_hooks_download_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}


def test_no_other_file_names_a_version_of_the_image() -> None:
    """Pages write ``<version>``: a number there would be forgotten."""
    places = {ROOT / place for place in release.PLACES}
    files = [path for path in _texts(ROOT) if path not in places]
    named = {f"{path.relative_to(ROOT)}: {tag}" for path in files for tag in IMAGE.findall(path.read_text("utf-8"))}
    assert sorted(named) == []


def _texts(root: Path) -> list[Path]:
    folders = [root / name for name in ("docs", "helm", "scripts", "docker", "include")]
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in {".md", ".yaml", ".py", ".sh"}]
    return [*root.glob("*.md"), root / "Dockerfile", root / "Makefile", *found]


def test_the_changelog_begins_with_unreleased_changes() -> None:
    heads = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", CHANGELOG, re.MULTILINE)
    assert heads[0] == ("Unreleased", "")
    for version, day in heads[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        date.fromisoformat(day)
    released = [version for version, _ in heads[1:]]
    assert released == sorted(released, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
    assert released[:1] in ([], [VERSION])


def test_the_changelog_has_known_sections_only() -> None:
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= set(SECTIONS)
