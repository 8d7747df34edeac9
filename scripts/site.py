"""Gathers the site's pages in build/pages: ``python -m scripts.site``, before ``mkdocs build``.

Pages lie where they are read in the repository, next to what they describe. They are copied with their paths, so that
their links hold; a page of the API is made for each module from its docstrings. mkdocs.yml calls :func:`on_pre_build`
again before each build, so that ``mkdocs serve`` shows changes.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build/pages"
PACKAGE = ROOT / "plugins/billing_aggregator"
FOLDERS = ("docs", "helm", "terraform", "flux", "constraints", "benchmarks", "tests")
#: Files that pages link to.
ATTACHMENTS = ("terraform/modules/mwaa/actions.json",)


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages of the repository, sorted by path."""
    found = [*root.glob("*.md"), *(page for folder in FOLDERS for page in (root / folder).rglob("*.md"))]
    return sorted(found, key=lambda page: page.relative_to(root).as_posix())


def rooms() -> list[Path]:
    """Return the package's rooms, sorted."""
    return sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def reference(room: Path) -> str:
    """Return the page of a room's modules; mkdocstrings fills it in from their docstrings."""
    names = [module_name(path) for path in sorted(room.rglob("*.py")) if path.name != "__init__.py"]
    modules = "\n".join(f"## {name.split('.', 2)[2]}\n\n::: {name}\n" for name in names)
    return f"# {room.name}\n\n::: {module_name(room)}\n    options:\n      members: false\n\n{modules}"


def module_name(path: Path) -> str:
    """Return the dotted name of a module's file or a package's folder."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def gather(target: Path = PAGES) -> None:
    """Write all pages and pictures to *target*, which they have for themselves; unchanged files keep their time."""
    files = [*pages(), *(ROOT / name for name in ATTACHMENTS), *(ROOT / "docs").rglob("*.png")]
    texts = {file.relative_to(ROOT): file.read_bytes() for file in files}
    texts |= {Path("reference") / f"{room.name}.md": reference(room).encode() for room in rooms()}
    target.mkdir(parents=True, exist_ok=True)
    for path in [path for path in target.rglob("*") if path.is_file() and path.relative_to(target) not in texts]:
        path.unlink()
    for path, text in texts.items():
        file = target / path
        if not file.exists() or file.read_bytes() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)


def on_pre_build(**_: Any) -> None:
    """Gather the pages again; mkdocs calls this hook."""
    gather()


if __name__ == "__main__":
    shutil.rmtree(PAGES, ignore_errors=True)
    gather()
