"""The synthetic vaults: exactly the charges asked for, the same rows for the same seed."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.vault import create_vault
from tests.checks.conftest import run_checks, violated

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)
TABLES = """
select table_schema, table_name from information_schema.tables
where table_schema like '%\\_vault' order by table_schema, table_name
"""


def fingerprint(server: EmbeddedPostgres, charges: int, seed: int) -> dict[str, tuple[int, int]]:
    """Make a vault; return rows and a sum of hashes of each table."""
    database = f"vault_{next(_numbers)}"
    create_vault(server, database, charges, seed)
    with psycopg.connect(server.dsn(database)) as owner:
        owner.execute("set timezone = 'UTC'")
        found = {}
        for schema, table in owner.execute(TABLES).fetchall():
            query = f"select count(*), coalesce(sum(hashtext(t::text)), 0) from {schema}.{table} as t"
            row = owner.execute(query.encode()).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = (row[0], row[1])
    return found


def test_same_seed_same_rows(postgres: EmbeddedPostgres) -> None:
    first, again, other = (fingerprint(postgres, 500, seed) for seed in (7, 7, 8))
    assert first == again
    assert first["datalake_vault.applied_billing_charge"] != other["datalake_vault.applied_billing_charge"]
    assert all(rows for rows, _ in first.values()), "every table of the vault has rows"


@pytest.mark.parametrize("charges", [1, 10, 1234])
def test_exactly_the_charges_asked_for(postgres: EmbeddedPostgres, charges: int) -> None:
    assert fingerprint(postgres, charges, 7)["datalake_vault.applied_billing_charge"][0] == charges


@pytest.mark.parametrize("seed", [1, 2])
def test_no_check_stops_a_run_on_any_seed(postgres: EmbeddedPostgres, seed: int) -> None:
    database = f"vault_{next(_numbers)}"
    create_vault(postgres, database, 2000, seed)
    assert violated(run_checks(postgres, database, "prechecks")) == set()


def test_no_index_on_the_vaults(postgres: EmbeddedPostgres, clean_vault: str) -> None:
    with psycopg.connect(postgres.dsn(clean_vault)) as owner:
        assert owner.execute("select from pg_indexes where schemaname like '%\\_vault'").fetchall() == []
