"""Reads ``clients.yaml`` and merges defaults, environments and clients into one entry for each DAG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from billing_aggregator.config.errors import ConfigError, suggestion
from billing_aggregator.config.models import ordered
from billing_aggregator.config.values import ENVIRONMENT_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.config.errors import Location

SECTIONS = ("systems", "defaults", "environments", "clients")
SYSTEM_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping: YAML would silently keep the last one."""


def _construct_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise ConfigError(f"line {line}: YAML reads this key as {key!r}; put it in quotation marks")
        if key in seen:
            raise ConfigError(
                f"line {line}: {key} stands here a second time (first in line {seen[key]}); merge the two"
            )
        seen[key] = line
    return {str(key): value for key, value in yaml.SafeLoader.construct_mapping(loader, node, deep=True).items()}


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


class ClientsFile:
    """The parsed file: merged raw entries, not yet validated as models.

    :param path: the file; errors name it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = self._parse()
        self.dependencies = self._dependencies(content["systems"])
        self._defaults = content["defaults"]
        self._environments = content["environments"]
        self._clients = content["clients"]

    def names(self) -> list[tuple[str, str]]:
        """Return (client, environment) of every entry, sorted."""
        return sorted((client, environment) for client, entries in self._clients.items() for environment in entries)

    def entry(self, client: str, environment: str) -> dict[str, Any]:
        """Return the merged entry; a pair that the file does not name gets the defaults and its environment's."""
        merged: dict[str, Any] = {}
        for _, layer in self._layers(client, environment):
            merged = _merge(merged, layer)
        return merged

    def place(self, client: str, environment: str, location: Location) -> str:
        """Return where a value of an entry stands: the uppermost layer that has it."""
        name = ".".join(map(str, location))
        if location in (("client",), ("environment",)):
            return f"{self.path}: clients.{client}.{environment}: {name}"
        layers = self._layers(client, environment)
        if not location:
            return f"{self.path}: clients.{client}.{environment}"
        for size in range(len(location), 0, -1):
            for layer, values in reversed(layers):
                if _has(values, location[:size]):
                    return f"{self.path}: {layer}: {name}"
        return f"{self.path}: {layers[-1][0]}: {name}"

    def contradictions(self, client: str, environment: str) -> list[str]:
        """Return one line for each layer of an entry that both chooses and ignores a system."""
        problems = []
        for layer, values in self._layers(client, environment):
            chosen, ignored = values.get("systems"), values.get("ignore_systems")
            if isinstance(chosen, list) and isinstance(ignored, list):
                both = sorted(set(map(str, chosen)) & set(map(str, ignored)))
                if both:
                    problems.append(
                        f"{self.path}: {layer}: systems and ignore_systems both name {both[0]}; name it in one of them"
                    )
        return problems

    def _layers(self, client: str, environment: str) -> list[tuple[str, dict[str, Any]]]:
        own = self._clients.get(client, {}).get(environment) or {}
        return [
            ("defaults", self._defaults),
            (f"environments.{environment}", self._environments.get(environment) or {}),
            (f"clients.{client}.{environment}", own),
        ]

    def _parse(self) -> dict[str, dict[str, Any]]:
        content = self._yaml()
        if not isinstance(content, dict):
            raise ConfigError(f"{self.path}: must be a mapping with the keys {', '.join(SECTIONS)}")
        for key in content:
            if key not in SECTIONS:
                raise ConfigError(f"{self.path}: unknown key {key}{suggestion(key, SECTIONS)}")
        sections = {name: self._mapping(content.get(name) or {}, name) for name in SECTIONS}
        for environment, entry in sections["environments"].items():
            if environment not in ENVIRONMENT_NAMES:
                hint = suggestion(environment, ENVIRONMENT_NAMES)
                raise ConfigError(f"{self.path}: environments: unknown environment {environment}{hint}")
            self._mapping(entry or {}, f"environments.{environment}")
        for client, entries in sections["clients"].items():
            for environment, entry in self._mapping(entries, f"clients.{client}").items():
                self._mapping(entry or {}, f"clients.{client}.{environment}")
        return sections

    def _yaml(self) -> Any:
        try:
            # The loader is a SafeLoader.
            return yaml.load(self.path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506
        except FileNotFoundError:
            raise ConfigError(f"{self.path}: not found; it says which clients there are") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path}: not valid YAML in UTF-8: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from None

    def _mapping(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ConfigError(f"{self.path}: {place} must be a mapping, not {value!r}")
        return value

    def _dependencies(self, systems: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        dependencies = {}
        for name, entry in systems.items():
            place = f"systems.{name}"
            if not SYSTEM_NAME.fullmatch(name):
                raise ConfigError(f"{self.path}: {place}: a system's name has lower-case letters, digits and _ only")
            needs = self._mapping(entry or {}, place)
            for key in needs:
                if key != "needs":
                    raise ConfigError(f"{self.path}: {place}: unknown key {key}{suggestion(key, ['needs'])}")
            needed = needs.get("needs") or []
            if not isinstance(needed, list):
                raise ConfigError(f"{self.path}: {place}.needs must be a list such as [bookkeeper], not {needed!r}")
            for other in needed:
                if other not in systems:
                    hint = suggestion(str(other), systems)
                    raise ConfigError(f"{self.path}: {place}.needs: unknown system {other}{hint}")
            dependencies[name] = tuple(needed)
        try:
            ordered(tuple(dependencies), dependencies)
        except ValueError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        return dependencies


def _merge(base: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *layer* on top; mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in layer.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _has(values: Any, location: Location) -> bool:
    """Tell whether nested mappings and lists hold something at *location*."""
    for name in location:
        try:
            values = values[name]
        except (KeyError, IndexError, TypeError):
            return False
    return True
