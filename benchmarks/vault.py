"""Synthetic Octopus vaults of any size: same tables and types as the sample, no index, same seed same rows.

The rows are made in the server, set-based, by the scripts of ``benchmarks/vault/``: their first one is the plot (kinds
of events and how often they occur), the others multiply it. A million charges need about half a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from billing_aggregator.local.warehouse import create_octopus, grant_vaults, open_dump

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

SCRIPTS = Path(__file__).resolve().parent / "vault"
SAMPLE = Path(__file__).resolve().parents[1] / "sample" / "vault.sql.gz"


def create_vault(server: EmbeddedPostgres, database: str, charges: int, seed: int = 7) -> None:
    """Create *database* with a vault of exactly *charges* charges, analysed, readable by the aggregator's role."""
    create_octopus(server, database)
    with psycopg.connect(server.dsn(database), autocommit=True) as owner:
        owner.execute("set timezone = 'UTC'; set work_mem = '256MB'; set jit = off")
        owner.execute("select set_config('bench.charges', %s, false)", [str(charges)])
        owner.execute("select set_config('bench.seed', %s, false)", [str(seed)])
        for statement in vault_definitions():
            owner.execute(statement)
        for script in sorted(SCRIPTS.glob("*.sql")):
            owner.execute(script.read_bytes())
    grant_vaults(server, database)


def vault_definitions(dump: Path = SAMPLE) -> Iterator[str]:
    """Yield the statements that create schemas and tables of the vaults, as the sample dump has them."""
    with open_dump(dump) as lines:
        statement = ""
        for line in lines:
            if line.startswith("COPY "):
                return
            statement += line
            if line.rstrip().endswith(";"):
                if "CREATE " in statement:
                    yield statement
                statement = ""
