"""Finds references to the specification: "section 10.1", "check P6", "rules R19 and R20", "oddity D3", "(7.3)"."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBER = r"\d{1,2}(?:\.\d+)*"
_LIST = rf"{_NUMBER}(?:(?:, and |, | and | or | to ){_NUMBER})*"
_SECTIONS = re.compile(rf"\bsections? ({_LIST})(?![\w%])", re.IGNORECASE)
# Numbers of checks (P, V), rules (R), defects (D) and findings (O), but not as part of something longer.
_IDS = re.compile(r"(?<![\w%#.'\"$-])([DOPV][1-9]\d?|R\d\d)(?![\w.'\"-]*\w)")
# In comments of SQL only: "(7.3)", "(2, 7.3)", "(7.3 step 3)".
_STEP = rf"{_NUMBER}(?: steps? \d)?"
_BRACKETS = re.compile(rf"\(((?=[^)]*\.|\d+\) )(?:{_STEP})(?:, {_STEP})*)\)")
_COMMENT = re.compile(r"--[^\n]*(?:\n[ \t]*--[^\n]*)*")
_NEW_LINE = re.compile(r"\s*\n[ \t]*(?:--|#)?[ \t]*")


def anchor(reference: str) -> str:
    """Return the anchor of a reference: ``section-10-1`` of ``10.1``, ``p6`` of ``P6``."""
    return reference.lower() if reference[0].isalpha() else "section-" + reference.replace(".", "-")


def references(file: Path) -> list[str]:
    """Return the references of a file, such as ``10.1`` and ``P6``, in their order."""
    text = file.read_text(encoding="utf-8")
    found = list(in_text(text))
    if file.suffix == ".sql":
        found += [reference for comment in comments(text) for reference in in_brackets(comment)]
    elif file.name == "mutations.toml":
        first = (mutation["rule"].split()[0] for mutation in tomllib.loads(text)["mutation"])
        found += [reference for word in first for reference in word.split("/")]
    return found


def in_text(text: str) -> Iterator[str]:
    """Yield the references of a text; a line break and the mark of a comment count as a blank."""
    text = _NEW_LINE.sub(" ", text)
    for match in _SECTIONS.finditer(text):
        yield from re.findall(_NUMBER, match[1])
    yield from (match[1] for match in _IDS.finditer(text))


def in_brackets(comment: str) -> Iterator[str]:
    """Yield the numbers of sections in brackets."""
    for match in _BRACKETS.finditer(_NEW_LINE.sub(" ", comment)):
        for step in match[1].split(", "):
            yield step.split()[0]


def comments(sql: str) -> list[str]:
    """Return the comments of a script that begin with two hyphens; lines below each other are one."""
    return _COMMENT.findall(sql)
