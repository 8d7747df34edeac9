"""The aggregator's role in the database: a night passes with the page's statements, and fails in words without one."""

from __future__ import annotations

import re
from contextlib import closing
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.config import load_client
from billing_aggregator.local.warehouse import ROLE, VAULTS, create_octopus
from billing_aggregator.night import read_night
from billing_aggregator.night.vault_tables import vault_tables
from billing_aggregator.runs.preflight import UnusableError, check_warehouse
from billing_aggregator.sql.check_phase import CheckPhase, NamedCheck
from billing_aggregator.sql.checks import parse_check
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT
from tests.golden.build import SYSTEMS, run_phases
from tests.privileges.page import block, rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLE = rows("### The aggregator's role")
STATEMENTS = [line for line in block("statements of the aggregator").splitlines() if not line.startswith("create role")]
NIGHT = ("init", "release", "history", "cleanup")
TABLES = sorted(
    f"{vault}.{table}"
    for vault, tables in vault_tables(read_night(load_client("enercity", "local"))).items()
    for table in tables
)
OWNERS = """
select distinct pg_get_userbyid(relowner)::text from pg_class where relnamespace = 'report_oibl'::regnamespace
"""
_numbers = count(1)


@pytest.fixture(scope="module")
def bare(postgres: EmbeddedPostgres, sample_template: str) -> str:
    """The sample's warehouse, in which the role has no right at all."""
    name = "privileges_bare"
    create_octopus(postgres, name, template=sample_template)
    everything = [f"revoke all on schema {vault} from {ROLE}" for vault in VAULTS]
    everything += [f"revoke all on all tables in schema {vault} from {ROLE}" for vault in VAULTS]
    run(postgres, name, *everything, f"revoke all on database {name} from {ROLE}")
    return name


def run(postgres: EmbeddedPostgres, database: str, *statements: str) -> None:
    with psycopg.connect(postgres.dsn(database), autocommit=True) as owner:
        for statement in statements:
            owner.execute(statement.encode())


def copied(postgres: EmbeddedPostgres, bare: str) -> str:
    """Return a copy with exactly the rights of the page."""
    name = f"privileges_{next(_numbers)}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {bare}".encode())
    run(postgres, name, *(statement.replace("database octopus", f"database {name}") for statement in STATEMENTS))
    return name


@pytest.fixture(scope="module")
def granted(postgres: EmbeddedPostgres, bare: str) -> str:
    return copied(postgres, bare)


@pytest.fixture
def revoked(postgres: EmbeddedPostgres, granted: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The warehouse without the grant that the test names; it is given back afterwards."""
    what = request.param
    run(postgres, granted, f"revoke {what} from {ROLE}")
    yield granted
    run(postgres, granted, f"grant {what} to {ROLE}")


def prechecks(postgres: EmbeddedPostgres, database: str) -> dict[str, list[str]]:
    """Run the prechecks as the task does; return what the violated and failed ones say, by name."""
    found: dict[str, list[str]] = {}
    for system in SYSTEMS:
        scripts = find_scripts(SQL_ROOT, "prechecks", system, "enercity")
        checks = [NamedCheck(s.name, int(s.name[:3]), parse_check(s.read(), s.path)) for s in scripts]
        connect = partial(psycopg.connect, postgres.dsn(database, ROLE))
        with closing(CheckPhase(connect, settings={"freshness_hours": "1000000"})) as phase:
            for outcome in phase.run(checks):
                if outcome.stops:
                    said = outcome.result.sample if outcome.result else [outcome.error]
                    found[f"{system}/{outcome.name}"] = [str(row) for row in said]
    return found


def test_a_night_passes_with_the_statements_of_the_page(postgres: EmbeddedPostgres, bare: str) -> None:
    """The prechecks, and all scripts behind them; what is left is the role's own."""
    database = copied(postgres, bare)
    assert prechecks(postgres, database) == {}
    with psycopg.connect(postgres.dsn(database, ROLE)) as connection:
        run_phases(connection, SQL_ROOT, "enercity", *NIGHT)
        owners = connection.execute(OWNERS).fetchall()
    assert owners == [(ROLE,)]


@pytest.mark.parametrize("revoked", [f"usage on schema {vault}" for vault in VAULTS], indirect=True)
def test_without_a_schema_the_prechecks_say_so(
    postgres: EmbeddedPostgres, revoked: str, request: pytest.FixtureRequest
) -> None:
    (vault,) = re.findall(r"usage on schema (\w+)", request.node.name)
    said = str(prechecks(postgres, revoked))
    assert vault in said
    (expected,) = words(TABLE["usage"])
    assert expected in said


@pytest.mark.parametrize("table", TABLES)
def test_without_a_table_the_prechecks_say_so(postgres: EmbeddedPostgres, granted: str, table: str) -> None:
    run(postgres, granted, f"revoke select on {table} from {ROLE}")
    try:
        said = str(prechecks(postgres, granted))
    finally:
        run(postgres, granted, f"grant select on {table} to {ROLE}")
    assert table.partition(".")[2] in said
    (expected,) = words(TABLE["select"])
    assert expected in said


@pytest.mark.parametrize(
    ("row", "statements"),
    [
        ("create", ["revoke create on database {database} from {role}"]),
        ("report_oibl", ["create schema report_oibl authorization postgres"]),
        ("connect", ["revoke connect on database {database} from public"]),
        ("login", ["create role {database}_nobody nologin"]),
    ],
)
def test_the_first_task_says_what_is_missing(
    postgres: EmbeddedPostgres, bare: str, row: str, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    database = copied(postgres, bare)
    run(postgres, database, *(text.format(database=database, role=ROLE) for text in statements))
    user = f"{database}_nobody" if row == "login" else ROLE
    values = {"HOST": postgres.host, "PORT": str(postgres.port), "NAME": database, "USER": user}
    for name, value in values.items():
        monkeypatch.setenv(f"BDA_DB_{name}", value)
    with pytest.raises(UnusableError) as refused:
        check_warehouse(load_client("enercity", "local"))
    for part in words(TABLE[row]):
        assert part.replace("octopus", database) in str(refused.value)


def test_the_first_task_passes_with_the_statements_of_the_page(
    postgres: EmbeddedPostgres, granted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOST": postgres.host, "PORT": str(postgres.port), "NAME": granted}.items():
        monkeypatch.setenv(f"BDA_DB_{name}", value)
    assert check_warehouse(load_client("enercity", "local"))


def test_once_there_is_a_schema_none_has_to_be_created(postgres: EmbeddedPostgres, bare: str) -> None:
    database = copied(postgres, bare)
    with psycopg.connect(postgres.dsn(database, ROLE)) as connection:
        run_phases(connection, SQL_ROOT, "enercity", *NIGHT)
        connection.commit()
        run(postgres, database, f"revoke create on database {database} from {ROLE}")
        run_phases(connection, SQL_ROOT, "enercity", *NIGHT)
