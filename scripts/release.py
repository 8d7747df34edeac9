"""One version everywhere: ``python -m scripts.release check [--tag v1.2.3]``, ``set 1.2.3``, ``notes``.

The version is in pyproject.toml. What is read by others, who cannot read that file, repeats it; `set` writes them all.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
#: Semantic Versioning, without build metadata: a registry's tags have no "+".
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?")
#: File → what stands before and behind the version, once or more often in it.
PLACES = {
    "plugins/billing_aggregator/__init__.py": r'(?m)(?<=^__version__ = ")[^"]+(?="$)',
    "helm/billing-data-aggregator/Chart.yaml": r'(?m)(?:(?<=^version: )|(?<=^appVersion: "))[\w.+-]+(?="?$)',
    "helm/billing-data-aggregator/values.yaml": (
        r'(?m)(?<=^  defaultAirflowTag: ")[^"]+(?="$)|(?<=billing-ledger-api, tag: ")[^"]+(?=")'
    ),
    "docker-compose.yaml": r"(?m)(?<=^  image: billing-data-aggregator:)\S+$|(?<=image: billing-ledger-api:)\S+$",
    "Dockerfile": r"(?m)(?<=^ARG VERSION=)\S+$",
    "services/ledger_api/Dockerfile": r"(?m)(?<=^ARG VERSION=)\S+$|(?<=--tag billing-ledger-api:)\S+(?= \.$)",
    "mkdocs.yml": r"(?m)(?<=^copyright: Version )\S+$",
}
PYPROJECT = r'(?m)(?<=^version = ")[^"]+(?="$)'


def version(root: Path = ROOT) -> str:
    """Return the version that pyproject.toml says."""
    found: str = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found


def places(root: Path = ROOT) -> Iterator[tuple[str, list[str]]]:
    """Yield each place that repeats the version, with what it says; built things only where they are built."""
    for name, pattern in PLACES.items():
        yield name, re.findall(pattern, (root / name).read_text(encoding="utf-8"))
    bundle = root / "build/mwaa/plugins.zip"
    if bundle.exists():
        with zipfile.ZipFile(bundle) as archive:
            text = archive.read("billing_aggregator/__init__.py").decode()
        yield "build/mwaa/plugins.zip", re.findall(PLACES["plugins/billing_aggregator/__init__.py"], text)
    site = root / "build/site/index.html"
    if site.exists():
        yield "build/site", re.findall(r"(?<=Version )\d[\w.-]*\w", site.read_text(encoding="utf-8"))[:1]


def problems(root: Path = ROOT, tag: str | None = None) -> Iterator[str]:
    """Yield one line for each place that does not have the version, and for a *tag* that is not ``v<version>``."""
    expected = version(root)
    if not VERSION.fullmatch(expected):
        yield f"pyproject.toml: {expected!r} is no version such as 1.2.3 or 1.2.3-rc.1"
    for name, found in places(root):
        if set(found) != {expected}:
            says = ", ".join(sorted(set(found))) or "no version"
            yield f"{name}: {says}, but pyproject.toml says {expected}; run python -m scripts.release set {expected}"
    if tag is not None and tag != f"v{expected}":
        yield f"the tag is {tag}, but pyproject.toml says {expected}: tag v{expected}"
    if tag is not None and not notes(root):
        yield f"CHANGELOG.md: no section [{expected}] with a date; move the unreleased changes below such a heading"


def write(new: str, root: Path = ROOT) -> list[str]:
    """Write *new* to all places and return their names.

    :raises ValueError: it is no version.
    """
    if not VERSION.fullmatch(new):
        raise ValueError(f"{new!r} is no version such as 1.2.3 or 1.2.3-rc.1")
    for name, pattern in {"pyproject.toml": PYPROJECT, **PLACES}.items():
        path = root / name
        path.write_text(re.sub(pattern, new, path.read_text(encoding="utf-8")), encoding="utf-8")
    return ["pyproject.toml", *PLACES]


def notes(root: Path = ROOT) -> str:
    """Return what CHANGELOG.md says of the version; empty if it has no section."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"(?ms)^## \[{re.escape(version(root))}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)"
    found = re.search(heading, text)
    return found[1].strip() + "\n" if found else ""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command says; return the exit status."""
    parser = argparse.ArgumentParser(description="Keeps one version everywhere.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="say whether everything has the version of pyproject.toml")
    check.add_argument("--tag", help="the release's tag, which must be v<version>")
    commands.add_parser("set", help="write a new version everywhere").add_argument("version")
    commands.add_parser("notes", help="print the version's part of CHANGELOG.md")
    given = parser.parse_args(arguments)
    if given.command == "notes":
        text = notes()
        sys.stdout.write(text)
        return 0 if text else 1
    if given.command == "set":
        sys.stdout.writelines(f"{name}: {given.version}\n" for name in write(given.version))
        return 0
    found = list(problems(tag=given.tag))
    sys.stdout.writelines(f"error: {line}\n" for line in found)
    if not found:
        sys.stdout.write(f"{version()}: {', '.join(name for name, _ in places())} agree\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
