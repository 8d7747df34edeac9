"""A database and a role of its own for each test of sessions, with either driver."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from airflow.providers.postgres.hooks import postgres as provider

from billing_aggregator.config import load_client
from billing_aggregator.postgres.connection import postgres_hook
from tests.integration.sessions.settings import give

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres


@pytest.fixture(params=["psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(provider, "USE_PSYCOPG3", request.param == "psycopg")
    return str(request.param)


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def place(admin: psycopg.Connection[Any], postgres: EmbeddedPostgres) -> Iterator[str]:
    """An empty database, and a role of the same name that owns it."""
    name = f"sessions_{time.time_ns()}"
    admin.execute(f"create role {name} login")
    admin.execute(f"create database {name} owner {name} template template0")
    yield name
    admin.execute(f"drop database {name} with (force)")
    admin.execute(f"drop role {name}")


@pytest.fixture
def connect(place: str, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, driver: str) -> Callable[..., Any]:
    """Return a function that opens a session of a run, with an extra and through a port if wanted."""

    def opened(extra: dict[str, Any] | None = None, port: int = 0, **values: Any) -> Any:
        give(monkeypatch, place, port or postgres.port, extra or {})
        config = load_client("enercity", "local").model_copy(update=values)
        connection = postgres_hook(config, application_name="bda:a b", statement_seconds=50).get_conn()
        assert hasattr(connection, "pgconn") == (driver == "psycopg")
        return closing(connection)

    return opened
