"""Fixtures: two nights on one connection to a database of their own, with each driver."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.integration.table_guard.nights import Night

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

_counter = iter(range(1_000))


@pytest.fixture(params=["psycopg", "psycopg2"])
def connection(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[Any]:
    name = f"guard_{next(_counter)}"
    create_octopus(postgres, name)
    drivers: dict[str, Callable[..., Any]] = {"psycopg": psycopg.connect, "psycopg2": psycopg2.connect}
    driver = drivers[request.param]
    opened = driver(postgres.dsn(name, ROLE))
    yield opened
    with suppress(Exception):
        opened.close()


@pytest.fixture
def first(connection: Any) -> Night:
    return Night(connection, "scheduled__2026-11-21", "2026-11-21")


@pytest.fixture
def second(connection: Any) -> Night:
    return Night(connection, "scheduled__2026-11-22", "2026-11-22")
