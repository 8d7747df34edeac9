"""A database of its own for the exports' tests, and a laboratory for each driver and each kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.export.store.factory import open_store
from tests.exporting import DRIVERS, Lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3


@pytest.fixture(scope="session")
def export_dsn(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute("create database exports")
        # Settings that must not show in any file.
        admin.execute("alter database exports set datestyle = 'SQL, DMY'")
        admin.execute("alter database exports set timezone = 'Asia/Tokyo'")
        admin.execute("alter database exports set intervalstyle = 'iso_8601'")
        admin.execute("alter database exports set bytea_output = 'escape'")
        admin.execute("alter database exports set extra_float_digits = '-15'")
    with psycopg.connect(postgres.dsn("exports"), autocommit=True) as owner:
        owner.execute("create schema report_oibl")
    return postgres.dsn("exports")


@pytest.fixture
def new_lab(export_dsn: str, s3_server: LocalS3, bucket: str, tmp_path: Path) -> Callable[..., Lab]:
    """Return a function that makes a laboratory: driver, kind of store, export options."""

    def create(driver: str = "psycopg", kind: str = "s3", **options: Any) -> Lab:
        target = f"s3://{bucket}" if kind == "s3" else (tmp_path / "out").as_uri()
        lab = Lab(export_dsn, driver, open_store(target, s3_server.client), target)
        lab.options = lab.options.model_validate(options)
        return lab

    return create


@pytest.fixture(params=sorted(DRIVERS))
def lab(request: pytest.FixtureRequest, new_lab: Callable[..., Lab]) -> Lab:
    """A laboratory on S3, once with each driver."""
    return new_lab(request.param)


@pytest.fixture(params=["s3", "file"])
def any_store(request: pytest.FixtureRequest, new_lab: Callable[..., Lab]) -> Lab:
    """A laboratory with psycopg 3, once on S3 and once in a folder."""
    return new_lab(kind=request.param)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> str:
    """A name for this test's table, with characters that need quoting."""
    return f'T {abs(hash(request.node.nodeid)) % 10**9} "%s"'
