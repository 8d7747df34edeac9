"""Fixtures: one service without an issuer for most tests, one with an issuer for those of the tokens."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE
from tests.ledger_api.server import Issuer, Running, new_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def ledger_database(postgres: EmbeddedPostgres) -> str:
    new_ledger(postgres, "ledger_api_tests")
    return "ledger_api_tests"


@pytest.fixture(scope="session")
def running(
    postgres: EmbeddedPostgres, ledger_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with Running(postgres, ledger_database, tmp_path_factory.mktemp("api") / "log") as found:
        yield found


@pytest.fixture
def api(running: Running) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


@pytest.fixture
def channel(running: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as opened:
        yield opened


@pytest.fixture
def books(postgres: EmbeddedPostgres, ledger_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the tables' owner."""
    with psycopg.connect(postgres.dsn(ledger_database, ROLE), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer() as found:
        yield found


@pytest.fixture(scope="session")
def guarded(
    postgres: EmbeddedPostgres, ledger_database: str, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A service that asks for tokens."""
    log = tmp_path_factory.mktemp("guarded") / "log"
    with Running(postgres, ledger_database, log, BDA_OIDC_ISSUER=issuer.url) as found:
        yield found


@pytest.fixture
def new_key() -> Callable[[], str]:
    return lambda: f"key-{next(_numbers)}"
