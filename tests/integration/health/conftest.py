"""Fixtures: ``health`` with a shared warehouse and a fresh bucket, or with a warehouse of the test's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.cli import main
from billing_aggregator.local.s3 import ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

SECRET = "Geheim-4711-xyz"
Health = tuple[int, dict[str, tuple[str, str]]]


@pytest.fixture(scope="session")
def database(new_warehouse: Callable[[], str]) -> str:
    """A warehouse that no test changes."""
    return new_warehouse()


@pytest.fixture
def place(
    postgres: EmbeddedPostgres, database: str, s3_server: LocalS3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Let BDA_* point to the shared warehouse and a fresh bucket; return the database's name."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    variables = {
        "BDA_DB_HOST": postgres.host,
        "BDA_DB_PORT": str(postgres.port),
        "BDA_DB_NAME": database,
        "BDA_DB_PASSWORD": SECRET,
        "BDA_S3_URL": s3_server.url,
        "BDA_S3_BUCKET": bucket,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return database


@pytest.fixture
def own_place(place: str, new_warehouse: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with the test's own warehouse."""
    name = new_warehouse()
    monkeypatch.setenv("BDA_DB_NAME", name)
    return name


@pytest.fixture
def health(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, dict[str, tuple[str, str]]]]:
    """Return a function that runs ``health --json``: its status, and subject -> (state, detail)."""

    def run() -> tuple[int, dict[str, tuple[str, str]]]:
        status = main(["health", "--json"])
        output = capsys.readouterr().out
        assert SECRET not in output
        findings = json.loads(output)["findings"]
        return status, {finding["subject"]: (finding["state"], finding["detail"]) for finding in findings}

    return run
