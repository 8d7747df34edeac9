"""Draws the rooms of the package and their imports into docs/architecture.md: ``make graph``.

What a room is for is the first line of its ``__init__``. A test compares the page with the sources.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from scripts.import_graph import FOLDER, PLACE, ROOT, package_imports, room

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- begin rooms: made by scripts/draw_imports.py -->"
END = "<!-- end rooms: made by scripts/draw_imports.py -->"
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")


def imported_rooms() -> dict[str, set[str]]:
    """Return which rooms each room imports; rooms from left to right."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for each in package_imports():
        found[room(each.module)].add(room(each.target))
    names = sorted((path.parent.name for path in FOLDER.glob("*/__init__.py")), key=_place)
    return {name: {target for target in found[name] if target not in ("", name)} for name in names}


def _place(name: str) -> tuple[int, str]:
    return PLACE.get(name, len(PLACE)), name


def direct(edges: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """Return the edges that no longer way stands for: what is left of a graph without circles still says who is left.

    ``a`` imports ``b`` and ``c``, ``b`` imports ``c``: the arrow from ``a`` to ``c`` is left out.
    """
    return [
        (name, target)
        for name, targets in edges.items()
        for target in sorted(targets, key=_place)
        if not any(target in _below(edges, other) for other in targets if other != target)
    ]


def _below(edges: Mapping[str, Iterable[str]], name: str) -> set[str]:
    return {found for target in edges.get(name, ()) for found in {target, *_below(edges, target)}}


def purpose(name: str) -> str:
    """Return the first line of a room's docstring, as Markdown."""
    text = ast.get_docstring(ast.parse((FOLDER / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    line = " ".join(text.split("\n\n")[0].split("\n"))
    return _ROLE.sub(r"`\1`", line).replace("``", "`").replace("|", "\\|")


def drawing() -> str:
    """Return the graph and the table."""
    edges = imported_rooms()
    lines = ["```mermaid", "flowchart RL", *(f"    {name} --> {target}" for name, target in direct(edges)), "```", ""]
    lines += ["| room | what belongs there | imports |", "|---|---|---|"]
    for name, targets in edges.items():
        listed = ", ".join(sorted(targets, key=_place)) or "nothing of the package"
        lines.append(f"| `{name}/` | {purpose(name)} | {listed} |")
    return "\n".join(lines)


def with_drawing(page: str) -> str:
    """Return *page* with what is between the marks made anew.

    :raises SystemExit: the marks are not there, or more than once.
    """
    before, *behind = page.split(BEGIN)
    if len(behind) != 1 or behind[0].count(END) != 1:
        raise SystemExit(f"{PAGE.name}: there must be one line {BEGIN} and one line {END} below it")
    return f"{before}{BEGIN}\n\n{drawing()}\n\n{END}{behind[0].split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
