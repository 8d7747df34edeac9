"""Imports point one way: scripts/import_graph.py has the order of the rooms, docs/architecture.md shows it."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest
from scripts.import_graph import FOLDER, PLACE, PLACES, cycles, imports, modules, package_imports, room

MODULES = modules()
IMPORTS = package_imports()
FOLDERS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))
#: What makes a DAG. Connections, variables, settings and errors of Airflow are another matter.
DAG_CLASSES = {"DAG", "BaseOperator", "BaseSensorOperator", "TaskGroup", "Param", "XComArg", "chain", "dag", "task"}
DAG_MODULES = ("airflow.models", "airflow.sdk.bases", "airflow.sdk.definitions")


def test_every_room_has_its_place() -> None:
    new = [name for name in FOLDERS if name not in PLACE]
    assert not new, f"new rooms {new}: give each its place in PLACES of scripts/import_graph.py"
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == set(FOLDERS), "a room has an __init__.py"


def test_no_module_stands_outside_of_the_rooms() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_room_imports_only_rooms_to_its_left(name: str) -> None:
    """Imports for types count too: they say what a room has to know."""
    wrong = [
        f"{each.module}, line {each.line} imports {each.target}"
        for each in IMPORTS
        if room(each.module) == name
        and room(each.target) != name
        and PLACE.get(room(each.target), len(PLACES)) >= PLACE[name]
    ]
    assert not wrong, f"{name} stands left of these; move what is needed, or turn the dependency round: {wrong}"


def test_no_circle_of_modules() -> None:
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for each in IMPORTS:
        edges[each.module].add(each.target)
    assert cycles(edges) == []


def test_circles_are_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}, "e": {"a"}}
    assert cycles(edges) == [["b", "c"], ["d"]]


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
from a import b
import a.c
if TYPE_CHECKING:
    from a.d import E
def f():
    from a import x as y
"""
    found = [each.target for each in sorted(imports("m", source, {"a.b": 1}))]
    assert found == ["a.b", "a.c", "a.d", "a"]


@pytest.mark.parametrize("name", [name for name in ("errors", "config", "sql", "night", "export") if name in FOLDERS])
def test_rooms_that_know_nothing_of_dags(name: str) -> None:
    found = [
        f"{module}, line {line}: {target}"
        for module, path in MODULES.items()
        if room(module) == name
        for line, target in _airflow_names(path.read_text(encoding="utf-8"))
        if name in ("sql", "night", "export")
        or target.startswith(DAG_MODULES)
        or target.rpartition(".")[2] in DAG_CLASSES
    ]
    assert found == []


def _airflow_names(source: str) -> list[tuple[int, str]]:
    return [
        (node.lineno, f"{node.module}.{alias.name}")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow"
        for alias in node.names
    ] + [
        (node.lineno, alias.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] == "airflow"
    ]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_room_says_what_belongs_there_and_names_what_others_use(name: str) -> None:
    tree = ast.parse((FOLDER / name / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "its docstring says what belongs there"
    exported = [_names(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    assert any(names is not None for names in exported), "__all__ names what others use"
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {name for names in exported for name in names or ()} <= imported


def _names(node: ast.Assign | ast.AnnAssign) -> list[str] | None:
    """Return the names of ``__all__``; None for other assignments."""
    (target,) = node.targets if isinstance(node, ast.Assign) else [node.target]
    if not isinstance(target, ast.Name) or target.id != "__all__" or node.value is None:
        return None
    return list(ast.literal_eval(node.value))


def test_a_room_has_one_place() -> None:
    assert len(PLACE) == sum(map(len, PLACES))
