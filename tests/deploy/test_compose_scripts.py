"""docker-compose.yaml: the scripts and the health check that its containers run do what they are for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.postgres import EmbeddedPostgres
from tests.deploy.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.s3 import LocalS3


@pytest.fixture(scope="module")
def initialised(compose: dict[str, Any]) -> Iterator[EmbeddedPostgres]:
    """A new server on which the container's init script ran, with the container's variables."""
    service = compose["services"]["postgres"]
    given = service["environment"] | {"SAMPLE": str(ROOT / service["environment"]["SAMPLE"].lstrip("/"))}
    with EmbeddedPostgres() as server:
        where = {"PGHOST": server.host, "PGPORT": str(server.port)}
        path = {"PATH": f"{server.binary('psql').parent}:{os.defpath}"}
        script = ROOT / "docker/init_databases.sh"
        done = subprocess.run([script], env=given | where | path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield server


def test_init_script_loads_the_sample_vault(initialised: EmbeddedPostgres) -> None:
    expected = dict(line.split()[:2] for line in (ROOT / "sample/vault_rows.txt").read_text().splitlines() if line)
    with psycopg.connect(initialised.dsn("octopus", "billing_aggregator")) as connection:
        for table, rows in expected.items():
            query = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(*table.split(".")))
            found = connection.execute(query).fetchone()
            assert found == (int(rows),), table


def test_init_script_grants_no_more_than_needed(initialised: EmbeddedPostgres) -> None:
    with psycopg.connect(initialised.dsn("octopus", "billing_aggregator"), autocommit=True) as connection:
        connection.execute("create schema report_oibl")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table datalake_vault.intruder ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from datalake_vault.login")
    with psycopg.connect(initialised.dsn()) as admin:
        owner = admin.execute("select datdba::regrole::text from pg_database where datname = 'airflow'").fetchone()
        assert owner == ("airflow",)
        roles = admin.execute(
            "select rolname, rolpassword is not null, rolsuper from pg_authid"
            " where rolname in ('airflow', 'billing_aggregator') order by 1"
        ).fetchall()
        assert roles == [("airflow", True, False), ("billing_aggregator", True, False)]


def test_bucket_script_makes_a_versioned_bucket_and_can_run_twice(s3_server: LocalS3, compose: dict[str, Any]) -> None:
    given = compose["services"]["s3-init"]["environment"] | {"S3_ENDPOINT": s3_server.url}
    script = ROOT / "docker/create_bucket.py"
    for _ in range(2):
        subprocess.run([sys.executable, script], env=given | {"PATH": os.defpath}, check=True, capture_output=True)
    versioning = s3_server.client().get_bucket_versioning(Bucket=given["S3_BUCKET"])
    assert versioning["Status"] == "Enabled"


def test_the_s3_health_check_requests_an_existing_page(s3_server: LocalS3, compose: dict[str, Any]) -> None:
    address = re.search(r"http://127\.0\.0\.1:5000(/[^']*)'", compose["services"]["s3"]["healthcheck"]["test"][-1])
    assert address
    with urllib.request.urlopen(s3_server.url + address[1]) as answer:  # noqa: S310 - the server of this test
        assert answer.status == 200
