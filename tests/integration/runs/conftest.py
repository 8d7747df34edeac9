"""Sessions of the aggregator's role in a new, empty database, with either driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

_counter = iter(range(1_000))


@pytest.fixture(params=["psycopg", "psycopg2"])
def connect(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a session of the aggregator's role in a new, empty database."""
    name = f"runs_{next(_counter)}"
    create_octopus(postgres, name)
    drivers: dict[str, Callable[..., Any]] = {"psycopg": psycopg.connect, "psycopg2": psycopg2.connect}
    driver = drivers[request.param]
    opened: list[Any] = []

    def open_session(application_name: str = "test") -> Any:
        opened.append(driver(postgres.dsn(name, ROLE), application_name=application_name))
        return opened[-1]

    yield open_session
    for connection in opened:
        connection.close()
