"""requirements.txt and constraints/: complete, consistent with the lock, and in the form that MWAA requires."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.deploy.support import PIN, ROOT, canonical, pins, requirements

MWAA_VERSIONS = ("3.2.1", "3.3.1")
LINES = [line.split(" #")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
REQUIREMENTS = [Requirement(line) for line in LINES if line and not line.startswith("#")]


def test_every_requirement_is_read() -> None:
    assert [canonical(requirement.name) for requirement in REQUIREMENTS] == requirements()
    assert len(REQUIREMENTS) > 5


@pytest.mark.parametrize("version", MWAA_VERSIONS)
def test_constraints_pin_every_requirement_within_its_range(version: str) -> None:
    pinned = pins(ROOT / f"constraints/mwaa-{version}.txt")
    for requirement in REQUIREMENTS:
        name = canonical(requirement.name)
        assert name in pinned, f"{name} has no pin"
        assert requirement.specifier.contains(Version(pinned[name])), requirement


@pytest.mark.parametrize("version", MWAA_VERSIONS)
def test_constraints_are_plain_sorted_pins(version: str) -> None:
    lines = (ROOT / f"constraints/mwaa-{version}.txt").read_text().splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert f"apache-airflow=={version}" in lines


@pytest.mark.parametrize(
    ("version", "drivers"), [("3.2.1", {"psycopg2-binary"}), ("3.3.1", {"psycopg", "psycopg2-binary"})]
)
def test_drivers_are_those_of_mwaas_image(version: str, drivers: set[str]) -> None:
    pinned = pins(ROOT / f"constraints/mwaa-{version}.txt")
    assert {"psycopg", "psycopg2-binary"} & set(pinned) == drivers


def test_development_lock_has_the_versions_of_the_newest_mwaa() -> None:
    constraints, lock = pins(ROOT / "constraints/mwaa-3.3.1.txt"), pins(ROOT / "requirements-dev.txt")
    different = {
        name: (constraints[name], lock[name]) for name in constraints.keys() & lock if constraints[name] != lock[name]
    }
    assert different == {}
    assert set(requirements()) <= set(lock)


def test_tests_run_with_the_versions_of_mwaa() -> None:
    path = ROOT / f"constraints/mwaa-{importlib.metadata.version('apache-airflow')}.txt"
    assert path.exists(), "this Airflow is none of MWAA's"
    pinned = pins(path)
    installed = {canonical(found.metadata["Name"]): found.version for found in importlib.metadata.distributions()}
    different = {
        name: (pinned[name], installed[name]) for name in pinned.keys() & installed if pinned[name] != installed[name]
    }
    assert different == {}
    assert set(requirements()) <= set(installed)


def test_requirements_work_on_mwaa_without_network_paths() -> None:
    text = (ROOT / "requirements.txt").read_text()
    # A line like this, even in a comment, makes MWAA drop its own constraints.
    assert re.search(r"-c |--constraint ", text) is None
    assert "://" not in text
    assert [line for line in LINES if line.startswith("-")] == []


def test_what_the_image_adds_has_the_locks_version() -> None:
    added = re.findall(r"--no-deps (\S+)==(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert dict(added) == {"duckdb": pins(ROOT / "requirements-dev.txt")["duckdb"]}
