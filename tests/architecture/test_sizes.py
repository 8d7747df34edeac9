"""Modules and functions that fit on a screen or two: 250 lines a module, 50 lines a function."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: By `make proto`.
GENERATED = {"ledger_pb2", "ledger_pb2_grpc"}
MODULE_LINES = 250
FUNCTION_LINES = 50
FOLDERS = ("plugins", "dags", "tests", "benchmarks", "scripts", "docker", "services")


def sources() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.stem in GENERATED:
                continue
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def long_functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield the functions that are too long, with their lines; decorators do not count, docstrings do."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name, lines


def test_no_module_is_too_long() -> None:
    assert {str(path): lines for path, text in sources() if (lines := text.count("\n")) > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    assert [(str(path), *found) for path, text in sources() for found in long_functions(text)] == []


def test_long_functions_are_found() -> None:
    body = "    x = 1\n"
    source = f"def short():\n{body * 49}\nclass A:\n    async def long(self):\n{('    ' + body) * 50}"
    assert list(long_functions(source)) == [("long", 51)]
