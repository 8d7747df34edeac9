"""A database, a failing S3 server, and a laboratory on both."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.export.store.factory import open_store
from tests.exporting import Lab
from tests.faults.faulty_s3 import FaultyS3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def faults_dsn(postgres: EmbeddedPostgres) -> str:
    # Another folder's tests, with this fixture in their own conftest, may have made it on this server.
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        if admin.execute("select from pg_database where datname = 'faults'").fetchone() is None:
            admin.execute("create database faults")
    with psycopg.connect(postgres.dsn("faults"), autocommit=True) as owner:
        owner.execute("create schema if not exists report_oibl")
    return postgres.dsn("faults")


@pytest.fixture(scope="session")
def faulty_s3() -> Iterator[FaultyS3]:
    with FaultyS3() as server:
        yield server


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The retries are botocore's own; only the pauses between them are shortened."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)


@pytest.fixture
def faulty_lab(faults_dsn: str, faulty_s3: FaultyS3) -> Lab:
    """A laboratory on the failing server, with a table of 250 rows and files of 100."""
    bucket = f"faults-{next(_numbers)}"
    faulty_s3.create_bucket(bucket)
    return small_lab(faults_dsn, f"s3://{bucket}", faulty_s3.client)


@pytest.fixture
def folder_lab(faults_dsn: str, tmp_path: Path) -> Callable[..., Lab]:
    """Return a function that makes a laboratory on a folder."""

    def create(**options: object) -> Lab:
        return small_lab(faults_dsn, (tmp_path / "out").as_uri(), lambda: None, **options)

    return create


def small_lab(dsn: str, target: str, s3_client: Callable[[], Any], **options: object) -> Lab:
    """Return a laboratory with a table of 250 rows, in files of 100."""
    lab = Lab(dsn, "psycopg", open_store(target, s3_client), target)
    lab.options = lab.options.model_validate({"max_rows_per_file": 100} | options)
    refill(lab, 250)
    return lab


def refill(lab: Lab, rows: int, factor: int = 1) -> None:
    lab.sql(
        "drop table if exists book cascade",
        f"create table book as select g as id, g * {factor}.25 as amount from generate_series(1, {rows}) g",
    )
