"""What the deployment tests share: the repository, pinned versions, Airflow's documented options."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
#: Where the programs of the virtual environment are.
TOOLS = Path(sys.executable).parent
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*])?==(?P<version>[^\s;]+)")
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)")
IMAGE = re.compile(r"(?P<repository>[a-z0-9./-]+):(?P<tag>[\w.-]+)")


def canonical(name: str) -> str:
    """Return a distribution's name as packaging tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Return canonical name → version of a constraints or lock file; the first of several markers' pins."""
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        match = PIN.match(line)
        if match:
            found.setdefault(canonical(match["name"]), match["version"])
    return found


def requirements() -> list[str]:
    """Return the canonical names in requirements.txt."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    return [canonical(match["name"]) for line in lines if (match := REQUIREMENT.match(line))]


@cache
def airflow_options() -> frozenset[tuple[str, str]]:
    """Return (section, option) of everything that Airflow and its installed providers document, in lower case."""
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    home = Path(next(iter(spec.submodule_search_locations)))
    description = yaml.load((home / "config_templates/config.yml").read_text(), Loader=yaml.CSafeLoader)
    return frozenset(
        (section.lower(), option.lower()) for section, entry in description.items() for option in entry["options"]
    )


def unknown_airflow_variables(names: list[str]) -> list[str]:
    """Return those ``AIRFLOW__SECTION__OPTION`` names that Airflow would silently ignore."""
    split = {name: tuple(name.lower().removeprefix("airflow__").split("__", 1)) for name in names}
    return [name for name, place in split.items() if name.startswith("AIRFLOW__") and place not in airflow_options()]


def missing_tool(reason: str) -> NoReturn:
    """Skip with a reason; fail instead where BDA_REQUIRE_TOOLS is 1, or the tool that the reason begins with."""
    required = os.environ.get("BDA_REQUIRE_TOOLS", "")
    if required == "1" or (required and reason.startswith(f"{required} ")):
        pytest.fail(reason)
    pytest.skip(reason)
