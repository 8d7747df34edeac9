"""Reads ``clients.yaml`` and merges defaults, environments and clients into one entry for each DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from billing_aggregator.config.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = ("systems", "defaults", "environments", "clients")


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping: YAML would silently keep the last one."""


def _construct_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if key in seen:
            raise ConfigError(
                f"line {line}: {key} stands here a second time (first in line {seen[key]}); merge the two"
            )
        seen[key] = line
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))


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
        own = self._clients.get(client, {}).get(environment) or {}
        merged: dict[str, Any] = {}
        for layer in (self._defaults, self._environments.get(environment) or {}, own):
            merged = _merge(merged, layer)
        return merged

    def place(self, client: str, environment: str) -> str:
        """Return where an entry stands, for error messages."""
        return f"{self.path}: clients.{client}.{environment}"

    def _parse(self) -> dict[str, dict[str, Any]]:
        try:
            # The loader is a SafeLoader.
            content = yaml.load(self.path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506
        except FileNotFoundError:
            raise ConfigError(f"{self.path}: not found; it says which clients there are") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{self.path}: not valid YAML: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        if not isinstance(content, dict):
            raise ConfigError(f"{self.path}: must be a mapping with the keys {', '.join(SECTIONS)}")
        for key in content:
            if key not in SECTIONS:
                raise ConfigError(f"{self.path}: unknown key {key}{suggestion(str(key), SECTIONS)}")
        sections = {name: self._mapping(content.get(name) or {}, name) for name in SECTIONS}
        for client, entries in sections["clients"].items():
            for environment, entry in self._mapping(entries, f"clients.{client}").items():
                self._mapping(entry or {}, f"clients.{client}.{environment}")
        return sections

    def _mapping(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ConfigError(f"{self.path}: {place} must be a mapping, not {value!r}")
        return value

    def _dependencies(self, systems: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        dependencies = {}
        for name, entry in systems.items():
            needs = self._mapping(entry or {}, f"systems.{name}")
            for key in needs:
                if key != "needs":
                    raise ConfigError(f"{self.path}: systems.{name}: unknown key {key}{suggestion(key, ['needs'])}")
            dependencies[name] = tuple(needs.get("needs") or ())
            for needed in dependencies[name]:
                if needed not in systems:
                    hint = suggestion(needed, systems)
                    raise ConfigError(f"{self.path}: systems.{name}.needs: unknown system {needed}{hint}")
        return dependencies


def _merge(base: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *layer* on top; mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in layer.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
