"""A connection that may change the vaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres


@pytest.fixture
def vault(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> Any:
    """A superuser's connection to the same warehouse, to change the vaults."""
    with psycopg.connect(postgres.dsn(warehouse.info.dbname), autocommit=True) as connection:
        yield connection
