"""Reads and checks the ``BDA_*`` environment variables; their secrets reach no log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from billing_aggregator.config.environment_settings import EnvironmentSettings, variable_of
from billing_aggregator.config.errors import ConfigError, describe, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

PREFIX = "BDA_"
# Read by the project's own tools, not by the aggregator.
TOOL_VARIABLES = frozenset({"BDA_TEST_PG_VERSION", "BDA_AIRFLOW_CHART", "BDA_REQUIRE_TOOLS", "BDA_TF_PLUGINS"})
# Kubernetes puts the addresses of services into each pod: a Helm release `bda` gives BDA_..._SERVICE_HOST.
SERVICE_LINK = re.compile(r"BDA_\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)|BDA_\w+_PORT=tcp://.*")
PAIRS = (("BDA_S3_ACCESS_KEY", "BDA_S3_SECRET_ACCESS_KEY"),)
CONTRADICTIONS = (("BDA_SYSTEMS", "BDA_IGNORE_SYSTEMS"),)


def read_environment(environ: Mapping[str, str]) -> EnvironmentSettings:
    """Read and check all ``BDA_*`` variables of *environ*; an empty value counts as unset, except for BDA_CLIENT_ID.

    :raises ConfigError: names every wrong variable, its value (never a secret's) and what is allowed.
    """
    settings, problems = examine_environment(environ)
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def own_variables(environ: Mapping[str, str], known: Collection[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the *known* variables of *environ*, sorted; add a line to *problems* for each other one of this prefix.

    The tools' own variables, and those that Kubernetes sets for a service of such a name, are nobody's mistake.
    """
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in TOOL_VARIABLES:
            continue
        if name in known:
            yield name, value
        elif not SERVICE_LINK.fullmatch(name) and not SERVICE_LINK.fullmatch(f"{name}={value}"):
            problems.append(f"unknown variable {name}{suggestion(name, known)}")


def examine_environment(environ: Mapping[str, str]) -> tuple[EnvironmentSettings, list[str]]:
    """Return the settings without the wrong variables, and a line for each problem."""
    known = {variable_of(field) for field in EnvironmentSettings.model_fields}
    given: dict[str, str] = {}
    problems: list[str] = []
    for name, value in own_variables(environ, known, problems):
        if name == "BDA_CLIENT_ID" and not value.strip():
            problems.append("BDA_CLIENT_ID is empty; name a client, or unset it")
        elif value.strip():
            given[name] = value.strip()
    problems += _contradictions(given)
    try:
        return EnvironmentSettings.model_validate(given), problems
    except ValidationError as error:
        problems += describe(error, EnvironmentSettings, lambda location: str(location[0]))
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
    right = {name: value for name, value in given.items() if name not in wrong}
    return EnvironmentSettings.model_validate(right), problems


def _contradictions(given: Mapping[str, str]) -> list[str]:
    problems = []
    for chosen, ignored in CONTRADICTIONS:
        both = ", ".join(sorted(_names(given.get(chosen, "")) & _names(given.get(ignored, ""))))
        if both:
            problems.append(
                f"{chosen} = {given[chosen]!r} and {ignored} = {given[ignored]!r} both name {both}; "
                "name it in one of them"
            )
    for first, second in PAIRS:
        if (first in given) != (second in given):
            there, lacking = (first, second) if first in given else (second, first)
            problems.append(f"{there} is set and {lacking} is not; set both, or none")
    return problems


def _names(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}
