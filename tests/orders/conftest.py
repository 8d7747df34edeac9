"""Fixtures: a warehouse with the ledger's and the orders' durable tables."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.orders.warehouse import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def orders_template(postgres: EmbeddedPostgres) -> str:
    """A database with the durable tables, to be copied."""
    create_octopus(postgres, "orders_template")
    with psycopg.connect(postgres.dsn("orders_template", ROLE)) as connection:
        migrate(connection)
    return "orders_template"


@pytest.fixture
def orders_database(postgres: EmbeddedPostgres, orders_template: str) -> str:
    """The name of a fresh database with empty durable tables."""
    name = f"orders_{next(_numbers)}"
    create_octopus(postgres, name, template=orders_template)
    return name


@pytest.fixture
def connect(postgres: EmbeddedPostgres, orders_database: str) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Return a function that opens a session of the tables' owner."""
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(postgres.dsn(orders_database, ROLE)))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def books(connect: Callable[[], psycopg.Connection[Any]]) -> psycopg.Connection[Any]:
    """A session of the tables' owner."""
    return connect()


@pytest.fixture(scope="module")
def owner_and_admin(postgres: EmbeddedPostgres, orders_template: str) -> Iterator[tuple[Any, Any]]:
    """A session of the tables' owner, and one of a superuser that can empty them: for many examples in one database."""
    name = f"orders_{next(_numbers)}"
    create_octopus(postgres, name, template=orders_template)
    with psycopg.connect(postgres.dsn(name, ROLE)) as owner, psycopg.connect(postgres.dsn(name)) as admin:
        yield owner, admin
