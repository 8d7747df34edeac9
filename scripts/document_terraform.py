"""Writes the tables of inputs and outputs in each module's README: ``python -m scripts.document_terraform``.

They are read from the files themselves, so that no Terraform is needed; a test compares the pages with them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
TERRAFORM = ROOT / "terraform"
BEGIN = "<!-- begin: made by scripts/document_terraform.py -->"
END = "<!-- end: made by scripts/document_terraform.py -->"


def modules() -> list[Path]:
    """Return the folders with an interface: the root module first, then its own modules by name."""
    return [TERRAFORM, *sorted(path.parent for path in TERRAFORM.glob("modules/*/variables.tf"))]


def blocks(folder: Path, file: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and attributes of the blocks *kind* in a module's *file*, in their order."""
    for block in hcl2.loads((folder / file).read_text(encoding="utf-8")).get(kind, []):
        for name, attributes in block.items():
            yield unquoted(name), attributes


def unquoted(value: Any) -> Any:
    """Return a string without the quotes that the parser keeps."""
    text = isinstance(value, str) and re.fullmatch(r'"(.*)"', value, re.DOTALL)
    return text[1].replace('\\"', '"') if text else value


def cell(value: Any) -> str:
    """Return a value as a cell of a table."""
    plain = unquoted(value)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    return re.sub(r"^\$\{(.*)\}$", r"\1", text.replace("\n", " ")).replace("|", "\\|")


def table(folder: Path) -> Iterator[str]:
    """Yield the lines of a module's tables."""
    yield "| Input | Type | Default | Meaning |"
    yield "|---|---|---|---|"
    for name, attributes in blocks(folder, "variables.tf", "variable"):
        default = f"`{cell(attributes['default'])}`" if "default" in attributes else "required"
        yield f"| `{name}` | `{cell(attributes['type'])}` | {default} | {cell(attributes['description'])} |"
    yield ""
    yield "| Output | Meaning |"
    yield "|---|---|"
    for name, attributes in blocks(folder, "outputs.tf", "output"):
        yield f"| `{name}` | {cell(attributes['description'])} |"


def documented(folder: Path) -> str:
    """Return a module's README with its tables made anew.

    :raises ValueError: the page has no place for them.
    """
    path = folder / "README.md"
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: no place for the tables; add the lines {BEGIN} and {END}")
    return "\n".join([before + begin, "", *table(folder), "", end + after])


if __name__ == "__main__":
    for module in modules():
        (module / "README.md").write_text(documented(module), encoding="utf-8")
