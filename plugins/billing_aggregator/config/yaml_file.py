"""Reads YAML that means the same to every YAML reader; anything else is reported with its line.

A value that YAML 1.1 and 1.2 read differently becomes :class:`~billing_aggregator.config.yaml_values.Ambiguous` and
breaks only the entries that use it. Duplicate keys are refused, merge keys (``<<: *usual``) work, aliases are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from billing_aggregator.config.errors import ConfigError
from billing_aggregator.config.text_files import BYTE_ORDER_MARK, SourceFileError, decoded, read_bytes
from billing_aggregator.config.yaml_values import TAG, Ambiguous, line_of, plain_value, read_by_1_1

if TYPE_CHECKING:
    from pathlib import Path

MAX_VALUES = 100_000


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
            seen[key] = line_of(key_node)
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
        read = read_by_1_1(node) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        if isinstance(read, str) and isinstance(key, Ambiguous):
            read = f"{key} in more than one way"
        self._problem(node, f"YAML reads this key as {read}; put it in quotation marks")
        return None

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, plain = node.value, node.style is None
        implied = self._loader.resolve(yaml.ScalarNode, text, (plain, not plain))  # type: ignore[no-untyped-call]  # types-PyYAML says nothing of it
        if node.tag not in {implied, f"{TAG}str"}:
            self._problem(node, f"the tag {_shown(node.tag)} has no meaning here; remove it")
            return text
        if node.tag != implied or not plain:
            return text
        return plain_value(node)

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.add((line_of(node), text))


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
