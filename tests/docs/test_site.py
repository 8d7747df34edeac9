"""The site is built strictly: no broken link or anchor, no page that no menu leads to, nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from scripts import release, site

from tests.conftest import ROOT
from tests.deploy.support import TOOLS
from tests.docs.pages import PAGES

if TYPE_CHECKING:
    from pathlib import Path

LOADED = re.compile(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//')


def build(pages: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of *pages* as ``make docs`` does."""
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    # The hook would gather the pages of the repository again.
    for old, new in (("docs_dir: build/pages", f"docs_dir: {pages}"), ("hooks: [scripts/site.py]\n", "")):
        assert old in config
        config = config.replace(old, new)
    for name in ("paths: [plugins]", "extensions: [scripts/site_docstrings.py]"):
        config = config.replace(name, name.replace("[", f"[{ROOT}/"))
    config = re.sub(r"(?m)^watch: .*\n", "", config)
    file = pages.parent / "mkdocs.yml"
    file.write_text(config, encoding="utf-8")
    command = [str(TOOLS / "mkdocs"), "build", "--strict", "--config-file", str(file), "--site-dir", str(target)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.gather(folder / "pages")
    done = build(folder / "pages", folder / "site")
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_every_page_is_on_the_site(built: Path) -> None:
    names = [page.relative_to(ROOT).with_suffix("") for page in PAGES if "include" not in page.parts]
    folders = [name.parent if name.name == "README" else name for name in names]
    assert [str(name) for name in folders if not (built / name / "index.html").exists()] == []


def test_it_has_the_version(built: Path) -> None:
    assert f"Version {release.version()}" in (built / "index.html").read_text(encoding="utf-8")


def test_the_api_is_there(built: Path) -> None:
    text = (built / "reference/export/index.html").read_text(encoding="utf-8")
    assert 'id="billing_aggregator.export.reader.check_publication"' in text
    assert ":class:" not in text
    rooms = {room.name for room in site.rooms()}
    assert {path.parent.name for path in built.glob("reference/*/index.html")} == rooms


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    pages = {page.relative_to(built): page.read_text(encoding="utf-8") for page in built.rglob("*.html")}
    assert {str(name): LOADED.findall(text) for name, text in pages.items() if LOADED.search(text)} == {}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    site.gather(tmp_path / "pages")
    page = tmp_path / "pages/docs/upgrade.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[gone](runbook.md#no-such-anchor)\n", encoding="utf-8")
    done = build(tmp_path / "pages", tmp_path / "site")
    assert done.returncode != 0
    assert "no-such-anchor" in done.stderr
