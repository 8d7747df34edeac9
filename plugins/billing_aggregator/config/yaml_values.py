"""Unquoted YAML values: the same in every version of YAML, or ambiguous.

YAML 1.1 and 1.2 disagree on numbers (``0100`` is 64 or 100, ``1:40`` is 100 or text), words (``yes``) and dates.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DIGITS = 18
TAG = "tag:yaml.org,2002:"
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
NUMBER_OF_1_2 = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
BOOL_OF_1_2 = re.compile(r"true|True|TRUE|false|False|FALSE")
TRUTH = re.compile(r"y|yes|on|n|no|off", re.IGNORECASE)


class Ambiguous(str):
    """A value that YAML readers interpret differently: its text as written, its line, and what to do."""

    __slots__ = ("advice", "line")

    line: int
    advice: str

    @classmethod
    def at(cls, text: str, line: int, advice: str) -> Ambiguous:
        """Return the value *text* of *line*, with *advice*."""
        made = cls(text)
        made.line, made.advice = line, advice
        return made

    @property
    def is_truth(self) -> bool:
        """Whether it can be read as true or false where one of the two is expected, in both versions of YAML."""
        return TRUTH.fullmatch(self) is not None


def plain_value(node: yaml.ScalarNode) -> Any:
    """Return the value of a scalar without quotation marks and tag."""
    text, kind = node.value, node.tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind == "bool" and BOOL_OF_1_2.fullmatch(text):
        return text.lower() == "true"
    if WHOLE.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if DECIMAL.fullmatch(text):
        return float(text)
    if kind == "str" and not NUMBER_OF_1_2.fullmatch(text) and not TRUTH.fullmatch(text):
        return text
    return Ambiguous.at(text, line_of(node), _advice(node))


def _advice(node: yaml.ScalarNode) -> str:
    text = node.value
    if TRUTH.fullmatch(text):
        return f"YAML 1.1 reads {text} as a truth value, YAML 1.2 as text; write true or false, or quote it"
    if node.tag == f"{TAG}timestamp":
        return f"YAML 1.1 reads {text} as a date, YAML 1.2 as text; put it in quotation marks"
    if node.tag in {f"{TAG}value", f"{TAG}merge"}:
        return f"YAML 1.1 has a meaning of its own for {text}; put it in quotation marks"
    first, second = read_by_1_1(node), read_by_1_2(text)
    reads = f"YAML 1.1 reads {first}, YAML 1.2 {second}" if first != second else f"YAML reads {first}"
    return f"{reads}; write a number in plain decimal digits such as 100000, or put a text in quotation marks"


def read_by_1_1(node: yaml.ScalarNode) -> Any:
    """Return a scalar as YAML 1.1 reads it; text keeps its quotation marks."""
    try:
        value = yaml.safe_load(node.value)
    except (yaml.YAMLError, ValueError):
        return repr(node.value)
    return repr(value) if isinstance(value, str) else value


def read_by_1_2(text: str) -> Any:
    """Return what a YAML 1.2 reader makes of a plain scalar; text stays in quotation marks."""
    if not NUMBER_OF_1_2.fullmatch(text):
        return repr(text)
    if text[:2] in {"0o", "0x"}:
        return int(text, 0)
    digits = text.lstrip("+-")
    return (
        int(text)
        if digits.isdecimal() and len(digits) <= MAX_DIGITS
        else float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    )


def line_of(node: yaml.Node) -> int:
    """Return the line in which a node begins, counted from 1."""
    return int(node.start_mark.line) + 1
