"""Reads YAML that means the same to every YAML reader; anything else is reported with its line.

YAML 1.1 and 1.2 disagree on numbers (``0100`` is 64 or 100, ``1:40`` is 100 or text), words (``yes``) and dates. Such a
value becomes :class:`Ambiguous` and breaks only the entries that use it. Duplicate keys are refused, merge keys
(``<<: *usual``) work, aliases are bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from billing_aggregator.config.errors import ConfigError
from billing_aggregator.config.text_files import BYTE_ORDER_MARK, SourceFileError, decoded, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

MAX_VALUES = 100_000
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


def load_yaml(path: Path) -> Any:
    """Return the content of the file: mappings with text as keys, lists, text, numbers, true, false, None, Ambiguous.

    :raises ConfigError: one line for each problem, with file and line.
    """
    try:
        text = decoded(path, read_bytes(path).removeprefix(BYTE_ORDER_MARK))
    except SourceFileError as error:
        hint = "; it defines the clients" if str(error).endswith(": not found") else ""
        raise ConfigError(f"{error}{hint}") from None
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        tree = _Tree(loader)
        value = tree.value(node) if node is not None and tree.is_bounded(node) else None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML in UTF-8: {_reason(error, text)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML in UTF-8: nested too deeply; write it flatter") from None
    finally:
        loader.dispose()
    if tree.problems:
        raise ConfigError("\n".join(f"{path}: line {line}: {problem}" for line, problem in sorted(tree.problems)))
    return value


class _Tree:
    """Turns nodes into values; collects problems with their lines."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._sizes: dict[int, int | None] = {}
        self.problems: set[tuple[int, str]] = set()

    def is_bounded(self, root: yaml.Node) -> bool:
        """Return whether the tree is finite and small enough with every alias written out."""
        size = self._size(root)
        if size > MAX_VALUES:
            self._problem(root, f"aliases make {size:,} values of this file, more than {MAX_VALUES:,}; use fewer")
        return not self.problems

    def value(self, node: yaml.Node) -> Any:
        """Return the value of *node*."""
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        is_list = isinstance(node, yaml.SequenceNode)
        if node.tag != f"{TAG}{'seq' if is_list else 'map'}":
            self._problem(node, f"the tag {_shown(node.tag)} has no meaning here; remove it")
        return [self.value(item) for item in node.value] if is_list else self._mapping(node)

    def _size(self, node: yaml.Node) -> int:
        known = self._sizes.get(id(node), 0)
        if known is None:
            self._problem(node, "this value contains itself by an alias; remove the alias")
            return 0
        if known:
            return known
        self._sizes[id(node)] = None
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        pairs = [part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,))]
        size = 1 + sum(self._size(part) for part in pairs)
        self._sizes[id(node)] = size
        return size

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        seen: dict[str, int] = {}
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in seen:
                way_out = "merge the two" if key != "<<" else "write it once: <<: [*first, *second]"
                self._problem(key_node, f"duplicate key {key} (first in line {seen[key]}); {way_out}")
            seen[key] = _line(key_node)
            if key_node.tag == f"{TAG}merge":
                merged = self._merged(value_node) | merged
            else:
                own[key] = self.value(value_node)
        return merged | own

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        """Return the keys that ``<<`` adds; of several mappings the first one with a key wins."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, yaml.MappingNode):
                self._problem(node, "<< takes a mapping or a list of mappings, such as <<: *usual")
                return {}
            merged = self._mapping(part) | merged
        return merged

    def _key(self, node: yaml.Node) -> str | None:
        if node.tag == f"{TAG}merge":
            return "<<"
        key = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, str) and not isinstance(key, Ambiguous):
            return key
        read = _of_1_1(node) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        if isinstance(read, str) and isinstance(key, Ambiguous):
            read = f"{key} in more than one way"
        self._problem(node, f"YAML reads this key as {read}; put it in quotation marks")
        return None

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, plain = node.value, node.style is None
        implied = self._loader.resolve(yaml.ScalarNode, text, (plain, not plain))  # type: ignore[no-untyped-call]
        if node.tag not in {implied, f"{TAG}str"}:
            self._problem(node, f"the tag {_shown(node.tag)} has no meaning here; remove it")
            return text
        if node.tag != implied or not plain:
            return text
        return _plain_value(node)

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.add((_line(node), text))


def _plain_value(node: yaml.ScalarNode) -> Any:
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
    return Ambiguous.at(text, _line(node), _advice(node))


def _advice(node: yaml.ScalarNode) -> str:
    text = node.value
    if TRUTH.fullmatch(text):
        return f"YAML 1.1 reads {text} as a truth value, YAML 1.2 as text; write true or false, or quote it"
    if node.tag == f"{TAG}timestamp":
        return f"YAML 1.1 reads {text} as a date, YAML 1.2 as text; put it in quotation marks"
    if node.tag in {f"{TAG}value", f"{TAG}merge"}:
        return f"YAML 1.1 has a meaning of its own for {text}; put it in quotation marks"
    first, second = _of_1_1(node), _of_1_2(text)
    reads = f"YAML 1.1 reads {first}, YAML 1.2 {second}" if first != second else f"YAML reads {first}"
    return f"{reads}; write a number in plain decimal digits such as 100000, or put a text in quotation marks"


def _of_1_1(node: yaml.ScalarNode) -> Any:
    """Return a scalar as YAML 1.1 reads it; text keeps its quotation marks."""
    try:
        value = yaml.safe_load(node.value)
    except (yaml.YAMLError, ValueError):
        return repr(node.value)
    return repr(value) if isinstance(value, str) else value


def _of_1_2(text: str) -> Any:
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


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(tag: str) -> str:
    return tag.replace(TAG, "!!")


def _reason(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: the character {error.character:#x} is not allowed; remove it"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if "another document" in problem:
        problem = "a second document begins here (---); keep one"
    if "'\\t'" in problem:
        problem += "; indent with spaces"
    context = getattr(error, "context", None)
    words = f"{context}: {problem}" if context and "document" not in problem else problem
    return f"line {mark.line + 1}: {words}" if mark is not None else words
