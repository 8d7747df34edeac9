"""Fixtures: a broker, a warehouse with the orders' schema, a shop on both."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.local.warehouse import create_octopus
from tests.broker.server import Broker
from tests.feeds.surroundings import Shop, make_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

ROLE = "billing_aggregator"
_numbers = count(1)


@pytest.fixture(scope="session")
def orders_template(postgres: EmbeddedPostgres) -> str:
    """A database with the schemas of the ledger and the orders, owned by the aggregator's role."""
    create_octopus(postgres, "feeds_template")
    with psycopg.connect(postgres.dsn("feeds_template", ROLE)) as connection:
        make_schema(connection)
    return "feeds_template"


@pytest.fixture
def new_orders_database(postgres: EmbeddedPostgres, orders_template: str) -> Callable[[], str]:
    """Return a function that makes a database and returns its address."""

    def create() -> str:
        name = f"feeds_{next(_numbers)}"
        create_octopus(postgres, name, template=orders_template)
        return postgres.dsn(name, ROLE)

    return create


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def shop(broker: Broker, new_orders_database: Callable[[], str]) -> Shop:
    """A feed that has taken nothing yet."""
    return Shop(new_orders_database(), broker.servers)
