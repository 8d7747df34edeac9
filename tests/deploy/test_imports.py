"""Every distribution that is imported is declared: what only comes along with another one may be gone tomorrow."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.deploy.support import REQUIREMENT, ROOT, canonical, pins, requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN = {"billing_aggregator", "billing_aggregator_plugin", "benchmarks", "scripts", "services", "tests"}
#: What the package is installed into, and the drivers, of which the Postgres provider brings one or both.
GIVEN = {"apache-airflow", "psycopg", "psycopg2-binary"}
#: Used where they are installed: the docs say what works without them (docs/lineage.md, docs/migration.md).
OPTIONAL = {
    "apache-airflow-providers-openlineage",
    "duckdb",
    "openlineage-integration-common or openlineage-python",
}
#: Servers for a laptop: `make run` is a developer's.
FOR_DEVELOPERS = ROOT / "plugins/billing_aggregator/local"
#: An image of its own, with the package's modules that read a manifest.
LEDGER_API = ROOT / "services/ledger_api"
SEVERAL = {"airflow": "apache-airflow", "grpc": "grpcio", "google": "protobuf", "opentelemetry": "opentelemetry-sdk"}


def imported_names(source: str) -> Iterator[str]:
    """Yield what a module imports; imports for types alone count too, relative ones do not exist here."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def providers() -> dict[str, str]:
    """Return the installed providers' distributions by their package, e.g. ``airflow.providers.common.sql``."""
    return {
        name.removeprefix("apache-").replace("-", "."): name
        for found in importlib.metadata.distributions()
        if (name := canonical(found.metadata["Name"])).startswith("apache-airflow-providers-")
    }


@cache
def distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def distribution(name: str) -> str:
    """Return the canonical name of the distribution that has *name*; empty for Python's own and for ours."""
    package = name.split(".", maxsplit=1)[0]
    if package in sys.stdlib_module_names or package in OWN:
        return ""
    if name.startswith("airflow.providers."):
        return next(found for place, found in providers().items() if f"{name}.".startswith(f"{place}."))
    found = {canonical(each) for each in distributions().get(package, [f"unknown: {package}"])}
    return SEVERAL.get(package) or " or ".join(sorted(found))


def imported(*folders: Path, without: Path | None = None) -> dict[str, str]:
    """Return the distributions that are imported below *folders*, each with one of the files that do so."""
    return {
        needed: str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if without is None or without not in path.parents
        for name in imported_names(path.read_text(encoding="utf-8"))
        if (needed := distribution(name))
    }


def declared_for_developers() -> set[str]:
    return names(ROOT / "requirements-dev.in") | names(LEDGER_API / "requirements.in") | set(requirements())


def names(path: Path) -> set[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {canonical(match["name"]) for line in lines if (match := REQUIREMENT.match(line))}


def test_requirements_name_what_the_package_imports() -> None:
    found = imported(ROOT / "plugins", ROOT / "dags", without=FOR_DEVELOPERS)
    assert {name: path for name, path in found.items() if name not in {*requirements(), *GIVEN, *OPTIONAL}} == {}


def test_requirements_name_nothing_else() -> None:
    assert set(requirements()) - set(imported(ROOT / "plugins", ROOT / "dags")) == set()


def test_development_requirements_name_what_tests_and_scripts_import() -> None:
    folders = (FOR_DEVELOPERS, *(ROOT / name for name in ("tests", "benchmarks", "scripts", "docker")))
    found = imported(*folders)
    assert {name: path for name, path in found.items() if name not in declared_for_developers()} == {}


def test_the_ledger_api_has_requirements_of_its_own() -> None:
    """It is tried out with the developers' embedded server, which its image does not have."""
    found = imported(LEDGER_API)
    assert {name: path for name, path in found.items() if name not in names(LEDGER_API / "requirements.in")} == {}


def test_the_ledger_api_is_locked_as_it_is_tested() -> None:
    locked, tested = pins(LEDGER_API / "requirements.txt"), pins(ROOT / "requirements-dev.txt")
    assert {name: version for name, version in locked.items() if tested.get(name) != version} == {}
    assert names(LEDGER_API / "requirements.in") <= set(locked)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("json", ""),
        ("tests.conftest.ROOT", ""),
        ("airflow.sdk.DAG", "apache-airflow"),
        ("airflow.providers.common.sql.operators.sql", "apache-airflow-providers-common-sql"),
        ("yaml", "pyyaml"),
        ("psycopg2.extensions", "psycopg2-binary"),
        ("nobody.knows", "unknown: nobody"),
    ],
)
def test_the_distribution_of_an_import_is_found(name: str, expected: str) -> None:
    assert distribution(name) == expected
