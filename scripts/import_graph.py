"""Which module of the package imports which: read from the source, without importing anything."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "billing_aggregator"
FOLDER = ROOT / "plugins" / PACKAGE
#: The rooms from left to right. A room imports only rooms to its left; rooms of one place do not import each other.
PLACES = (
    ("errors",),
    ("config",),
    ("observe", "postgres", "s3"),
    ("sql",),
    ("migrations",),
    ("night",),
    ("runs",),
    ("export", "feeds"),
    ("publications",),
    ("alerts",),
    ("operators",),
    ("dag", "ui"),
    ("local",),
    ("cli",),
)
PLACE = {room: place for place, rooms in enumerate(PLACES) for room in rooms}


@dataclass(frozen=True, order=True)
class Import:
    """One import statement, wherever it stands: at the top, in a function or under ``TYPE_CHECKING``.

    :param module: the module that imports.
    :param line: line of the statement, from 1.
    :param target: the module that is imported, as far as it is a module of the package; else the name as written.
    """

    module: str
    line: int
    target: str


def modules(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the package's modules by their dotted names; a folder's ``__init__`` has the folder's name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, source: str, known: Mapping[str, object]) -> Iterator[Import]:
    """Yield the imports of *module*.

    :param known: names of the modules that exist, so that ``from a import b`` is known to import ``a.b``.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield Import(module, node.lineno, name if name in known else str(node.module))


def package_imports(folder: Path = FOLDER) -> list[Import]:
    """Return the imports of the package's own modules among each other."""
    known = modules(folder)
    found = {each for module, path in known.items() for each in imports(module, path.read_text("utf-8"), known)}
    return sorted(each for each in found if each.target in known)


def room(module: str) -> str:
    """Return the room of a module; empty for the package's own ``__init__`` and ``__main__``."""
    return "" if module.removeprefix(f"{PACKAGE}.") in (PACKAGE, "__main__") else module.split(".")[1]


def cycles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (strongly connected components of two or more).

    A module that imports itself is a circle too.
    """
    reach = {module: _reachable(edges, module) for module in edges}
    groups = {
        tuple(sorted({other for other in reach[module] if module in reach.get(other, ())}))
        for module in edges
        if module in reach[module]
    }
    return sorted(list(group) for group in groups)


def _reachable(edges: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for target in edges.get(left.pop(), set()) - found:
            found.add(target)
            left.append(target)
    return found
