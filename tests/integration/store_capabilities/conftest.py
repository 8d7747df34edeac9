"""Fixture: a store with habits, and a client whose bucket is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import load_client
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from tests.integration.store_capabilities.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.faults.peculiar_s3 import PeculiarS3


@pytest.fixture
def make(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Return a function that starts a server with habits: ``make(server, versioned=True, **export options)``."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    servers: list[PeculiarS3] = []

    def start(server: PeculiarS3, *, versioned: bool = True, **export: Any) -> Place:
        servers.append(server.__enter__())
        bucket = server.new_bucket(versioned=versioned)
        variables = {
            "BDA_DB_HOST": postgres.host,
            "BDA_DB_PORT": str(postgres.port),
            "BDA_DB_NAME": "postgres",
            "BDA_DB_USER": "postgres",
            "BDA_S3_URL": server.url,
            "BDA_S3_BUCKET": bucket,
            "BDA_S3_ACCESS_KEY": ACCESS_KEY,
            "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        config = load_client("enercity", "local")
        options = config.export.model_validate(config.export.model_dump(exclude_defaults=True) | export)
        return Place(server, config.model_copy(update={"export": options}))

    yield start
    for server in servers:
        server.__exit__()
