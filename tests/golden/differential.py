"""Runs the SQL and the reference model on one vault and compares their rows as multisets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases
from tests.golden.compare import Difference
from tests.golden.fuzzing.values import AS_OF
from tests.golden.model import the_list
from tests.golden.model.rows import COLUMNS
from tests.golden.model.vault import read_vault

if TYPE_CHECKING:
    from datetime import date

    from billing_aggregator.local.postgres import EmbeddedPostgres

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
RESULTS = "report_oibl.new_tripica_results"


@dataclass(frozen=True)
class Both:
    """A server and its template database; :meth:`differ` compares the two sides on changed copies of it."""

    server: EmbeddedPostgres
    template: str

    def differ(
        self, changes: list[str], client: str = "enercity", zone: str = "UTC", name: str = "octopus_differential"
    ) -> Difference:
        """Apply *changes* to a copy of the template, run both sides, compare all 41 columns; errors pass through."""
        self.drop(name)
        create_octopus(self.server, name, template=self.template)
        try:
            with psycopg.connect(self.server.dsn(name), autocommit=True) as owner:
                for change in changes:
                    owner.execute(change)
            return compare_sides(self.server, name, client, zone)
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Drop a copy, if it is there."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


def compare_sides(server: EmbeddedPostgres, database: str, client: str, zone: str, as_of: date = AS_OF) -> Difference:
    """Run the init scripts with the session time zone *zone*, and the model; return the differences."""
    with psycopg.connect(server.dsn(database, ROLE), options=f"-c timezone={zone}") as connection:
        run_phases(connection, SQL_ROOT, client, "init", settings={"as_of": as_of.isoformat()})
    with psycopg.connect(server.dsn(database, ROLE), options="-c timezone=UTC") as connection:
        actual = Counter(read_rows(connection, RESULTS))
        expected = Counter(row.texts() for row in the_list(read_vault(connection), client, as_of))
    missing, extra = expected - actual, actual - expected
    return Difference(COLUMNS, _sorted(missing), _sorted(extra), {})


def read_rows(connection: Any, relation: str) -> list[tuple[str | None, ...]]:
    """Return all rows of a relation as text, in the 41 columns' order."""
    schema, name = relation.split(".")
    fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in COLUMNS)
    query = sql.SQL("select {} from {}").format(fields, sql.Identifier(schema, name))
    rows: list[tuple[str | None, ...]] = connection.execute(query).fetchall()
    return rows


def _sorted(rows: Counter[tuple[str | None, ...]]) -> tuple[tuple[str | None, ...], ...]:
    return tuple(sorted(rows.elements(), key=lambda row: [value or "" for value in row]))
