"""One version: what repeats it agrees, a difference is named with the way out, a release has its notes."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from scripts import release

import billing_aggregator
from tests.deploy.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

VERSION = release.version()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that have the version, to be changed."""
    for name in ("pyproject.toml", "CHANGELOG.md", *release.PLACES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_everything_agrees(copy: Path) -> None:
    assert list(release.problems(copy)) == []
    assert billing_aggregator.__version__ == VERSION


def test_chart_and_images_have_the_version(copy: Path) -> None:
    """Twice: the chart's own and its app's; the aggregator's image and the ledger API's; its label and its heading."""
    found = dict(release.places(copy))
    twice = {
        "helm/billing-data-aggregator/Chart.yaml",
        "helm/billing-data-aggregator/values.yaml",
        "docker-compose.yaml",
        "services/ledger_api/Dockerfile",
    }
    assert {name for name, values in found.items() if values == [VERSION, VERSION]} == twice
    assert {len(values) for name, values in found.items() if name not in twice} == {1}


@pytest.mark.parametrize("name", release.PLACES)
def test_a_difference_is_named(copy: Path, name: str) -> None:
    path = copy / name
    path.write_text(path.read_text(encoding="utf-8").replace(VERSION, "9.9.9", 1), encoding="utf-8")
    (line,) = release.problems(copy)
    assert line.startswith(f"{name}: ")
    assert "9.9.9" in line
    assert f"scripts.release set {VERSION}" in line


def test_a_new_version_is_written_everywhere(copy: Path) -> None:
    release.write("2.0.0-rc.1", copy)
    assert release.version(copy) == "2.0.0-rc.1"
    assert list(release.problems(copy)) == []


@pytest.mark.parametrize("wrong", ["2.0", "v2.0.0", "2.0.0+build", "latest"])
def test_what_is_no_version_is_refused(copy: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        release.write(wrong, copy)
    assert release.version(copy) == VERSION


def test_a_built_package_of_another_version_is_named(copy: Path) -> None:
    bundle = copy / "build/mwaa/plugins.zip"
    bundle.parent.mkdir(parents=True)
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("billing_aggregator/__init__.py", '__version__ = "0.0.1"\n')
    (line,) = release.problems(copy)
    assert line.startswith("build/mwaa/plugins.zip: 0.0.1, ")


def test_a_tag_needs_its_section_of_the_changelog(copy: Path) -> None:
    release.write("7.0.0", copy)
    assert [line.partition(":")[0] for line in release.problems(copy, "v7.0.0")] == ["CHANGELOG.md"]
    changelog = copy / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(
        text.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [7.0.0] - 2026-11-30\n", 1), encoding="utf-8"
    )
    assert list(release.problems(copy, "v7.0.0")) == []
    assert release.notes(copy).startswith("### Added\n")
    assert "## [" not in release.notes(copy)
    assert [line.split(",")[0] for line in release.problems(copy, "v7.0.1")] == ["the tag is v7.0.1"]
