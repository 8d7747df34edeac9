"""Fixtures: synthetic warehouses without any defect, and a way to plant one and see which checks notice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from benchmarks.vault import create_vault
from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.sql.checks import CheckResult, parse_check, run_check
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

CHARGES = 3000
CLIENT = "enercity"
SYSTEMS = ("bookkeeper", "tripica")
_numbers = count(1)

#: Takes a template's name, SQL to run as superuser, the phase, and settings; returns the results by check.
Plant = Callable[..., dict[str, CheckResult]]


@pytest.fixture(scope="session")
def clean_vault(postgres: EmbeddedPostgres) -> str:
    """A database with a synthetic vault that passes every check."""
    create_vault(postgres, "checks_vault", CHARGES)
    return "checks_vault"


@pytest.fixture(scope="session")
def clean_list(postgres: EmbeddedPostgres, clean_vault: str) -> str:
    """The same with the report's tables, as init leaves them before the audits."""
    create_octopus(postgres, "checks_list", template=clean_vault)
    build_list(postgres, "checks_list")
    return "checks_list"


@pytest.fixture
def plant(postgres: EmbeddedPostgres) -> Iterator[Plant]:
    """Copy a template, run SQL in it, run the checks of a phase; the copies are dropped."""
    copies: list[str] = []

    def run(
        template: str, defect: str, phase: str, settings: dict[str, str] | None = None, only: str = ""
    ) -> dict[str, CheckResult]:
        name = f"planted_{next(_numbers)}"
        create_octopus(postgres, name, template=template)
        copies.append(name)
        with psycopg.connect(postgres.dsn(name), autocommit=True) as owner:
            owner.execute("set timezone = 'UTC'")
            if defect:
                owner.execute(defect.encode())
        return run_checks(postgres, name, phase, settings, only=only)

    yield run
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        for name in copies:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def build_list(server: EmbeddedPostgres, database: str, client: str = CLIENT) -> None:
    """Run the init scripts of all systems as the aggregator's role."""
    with psycopg.connect(server.dsn(database, ROLE)) as connection:
        for system in SYSTEMS:
            for script in find_scripts(SQL_ROOT, "init", system, client):
                run_script(connection, script.read(), {"client": client})


def run_checks(
    server: EmbeddedPostgres,
    database: str,
    phase: str,
    settings: dict[str, str] | None = None,
    *,
    only: str = "",
    time_zone: str = "UTC",
) -> dict[str, CheckResult]:
    """Run the checks of *phase* whose names start with *only*; keys are ``system/name``."""
    results = {}
    with psycopg.connect(server.dsn(database, ROLE), options=f"-c timezone={time_zone}") as connection:
        for system in SYSTEMS:
            for script in find_scripts(SQL_ROOT, phase, system, CLIENT):
                if script.name.startswith(only):
                    check = parse_check(script.read(), script.path)
                    results[f"{system}/{script.name}"] = run_check(connection, check, settings)
    return results


def violated(results: dict[str, CheckResult]) -> set[str]:
    """Return the checks that found something."""
    return {name for name, result in results.items() if result.violations}
