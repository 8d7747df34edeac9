"""Reads ``clients.yaml`` and merges defaults, environments and clients into one entry for each DAG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from billing_aggregator.config.errors import ConfigError, suggestion
from billing_aggregator.config.models import ordered
from billing_aggregator.config.values import ENVIRONMENT_NAMES
from billing_aggregator.config.yaml_file import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.config.errors import Location

SECTIONS = ("systems", "defaults", "environments", "clients")
# The highest number that a script's name can begin with.
LAST_STAGE = 999
# The environment of a client whose entries are not a mapping.
NO_ENVIRONMENT = "unknown"
SYSTEM_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ClientsFile:
    """The parsed file: merged raw entries, not yet validated as models.

    :param path: the file; problems name it.

    ``problems`` has a line for each problem that concerns all entries, ``broken`` one for each entry that is not a
    mapping; the rest of the file can be used regardless.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self.broken: dict[tuple[str, str], str] = {}
        #: Whether the file could be read and is a mapping.
        self.readable = False
        content = self._sections()
        self.needed_from: dict[str, dict[str, int]] = {}
        self.dependencies = self._dependencies(content["systems"])
        self._defaults = content["defaults"]
        self._environments = self._environment_layers(content["environments"])
        self._clients = self._client_entries(content["clients"])

    def names(self) -> list[tuple[str, str]]:
        """Return (client, environment) of every entry, sorted, including the broken ones."""
        whole = ((client, environment) for client, entries in self._clients.items() for environment in entries)
        return sorted([*whole, *self.broken])

    def entry(self, client: str, environment: str) -> dict[str, Any]:
        """Return the merged entry; for a pair that is not in the file, the defaults and those of its environment."""
        merged: dict[str, Any] = {}
        for _, layer in self._layers(client, environment):
            merged = _merge(merged, layer)
        return merged

    def place(self, client: str, environment: str, location: Location) -> str:
        """Return where a value of an entry is set: in the uppermost layer that has it."""
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
        """Return one line for each layer of an entry that both selects and ignores a system."""
        problems = []
        for layer, values in self._layers(client, environment):
            chosen, ignored = values.get("systems"), values.get("ignore_systems")
            if isinstance(chosen, list) and isinstance(ignored, list):
                both = ", ".join(sorted(set(map(str, chosen)) & set(map(str, ignored))))
                if both:
                    problems.append(
                        f"{self.path}: {layer}: systems and ignore_systems both name {both}; name it in one of them"
                    )
        return problems

    def _layers(self, client: str, environment: str) -> list[tuple[str, dict[str, Any]]]:
        own = self._clients.get(client, {}).get(environment) or {}
        return [
            ("defaults", self._defaults),
            (f"environments.{environment}", self._environments.get(environment) or {}),
            (f"clients.{client}.{environment}", own),
        ]

    def _sections(self) -> dict[str, dict[str, Any]]:
        empty: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        try:
            content = load_yaml(self.path)
        except ConfigError as error:
            self.problems += str(error).splitlines()
            return empty
        if not isinstance(content, dict):
            self._problem(f"must be a mapping with the keys {', '.join(SECTIONS)}")
            return empty
        self.readable = True
        for key in content:
            # Keys that start with x- hold anchors.
            if key not in SECTIONS and not key.startswith("x-"):
                self._problem(f"unknown key {key}{suggestion(key, SECTIONS)}")
        return {name: self._mapping(content.get(name), name) for name in SECTIONS}

    def _environment_layers(self, section: dict[str, Any]) -> dict[str, dict[str, Any]]:
        for environment in section:
            if environment not in ENVIRONMENT_NAMES:
                hint = suggestion(environment, ENVIRONMENT_NAMES)
                self._problem(f"environments: unknown environment {environment}{hint}")
        return {name: self._mapping(entry, f"environments.{name}") for name, entry in section.items()}

    def _client_entries(self, section: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
        """Return client -> environment -> entry; an entry that is not a mapping breaks only itself."""
        whole: dict[str, dict[str, dict[str, Any]]] = {}
        for client, entries in section.items():
            if not isinstance(entries, dict):
                self._broken(client, NO_ENVIRONMENT, f"clients.{client}", entries)
                continue
            for environment, entry in entries.items():
                if entry is None or isinstance(entry, dict):
                    whole.setdefault(client, {})[environment] = entry or {}
                else:
                    self._broken(client, environment, f"clients.{client}.{environment}", entry)
        if self.broken and not whole:
            self.problems += self.broken.values()
            self.broken = {}
        return whole

    def _broken(self, client: str, environment: str, place: str, value: Any) -> None:
        self.broken[client, environment] = f"{self.path}: {place} must be a mapping, not {value!r}"

    def _mapping(self, value: Any, place: str) -> dict[str, Any]:
        if value is not None and not isinstance(value, dict):
            self._problem(f"{place} must be a mapping, not {value!r}")
        return value if isinstance(value, dict) else {}

    def _dependencies(self, systems: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        dependencies = {}
        for name, entry in systems.items():
            place = f"systems.{name}"
            if not SYSTEM_NAME.fullmatch(name):
                self._problem(f"{place}: a system's name has lower-case letters, digits and _ only")
            needs = self._mapping(entry, place)
            for key in needs:
                if key != "needs":
                    self._problem(f"{place}: unknown key {key}{suggestion(key, ['needs'])}")
            needed = self._needed(needs.get("needs"), f"{place}.needs")
            for other in needed:
                if other not in systems:
                    self._problem(f"{place}.needs: unknown system {other}{suggestion(str(other), systems)}")
            dependencies[name] = tuple(other for other in needed if other in systems)
            self.needed_from[name] = {other: needed[other] for other in dependencies[name] if needed[other]}
        try:
            ordered(tuple(dependencies), dependencies)
        except ValueError as error:
            self._problem(str(error))
            return dict.fromkeys(dependencies, ())
        return dependencies

    def _needed(self, value: Any, place: str) -> dict[Any, int]:
        """Return the systems that one needs, each with the number of the first init script that does; 0: the first."""
        if isinstance(value, list):
            return dict.fromkeys(value, 0)
        if value is not None and not isinstance(value, dict):
            self._problem(f"{place} must be a list such as [bookkeeper], or {{bookkeeper: 60}}, not {value!r}")
            return {}
        for other, number in (value or {}).items():
            if type(number) is not int or not 0 <= number <= LAST_STAGE:
                self._problem(f"{place}.{other} must be the number of a script, 0 to {LAST_STAGE}, not {number!r}")
        return {other: number if type(number) is int else 0 for other, number in (value or {}).items()}

    def _problem(self, text: str) -> None:
        self.problems.append(f"{self.path}: {text}")


def _merge(base: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *layer* on top; mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in layer.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _has(values: Any, location: Location) -> bool:
    """Return whether nested mappings and lists hold something at *location*."""
    for name in location:
        try:
            values = values[name]
        except (KeyError, IndexError, TypeError):
            return False
    return True
