"""Fixtures: a warehouse with the ledger's and the usage's durable tables."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.usage.warehouse import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def usage_template(postgres: EmbeddedPostgres) -> str:
    """A database with the durable tables, to be copied."""
    create_octopus(postgres, "usage_template")
    with psycopg.connect(postgres.dsn("usage_template", ROLE)) as connection:
        connection.execute("create schema if not exists report_oibl")
        migrate(connection)
    return "usage_template"


@pytest.fixture
def usage_database(postgres: EmbeddedPostgres, usage_template: str) -> str:
    """The name of a fresh database with empty durable tables."""
    name = f"usage_{next(_numbers)}"
    create_octopus(postgres, name, template=usage_template)
    return name


@pytest.fixture
def vault(postgres: EmbeddedPostgres, usage_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the tables' owner."""
    with psycopg.connect(postgres.dsn(usage_database, ROLE)) as connection:
        yield connection
