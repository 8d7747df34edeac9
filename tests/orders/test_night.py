"""The nightly DAG of a client with orders: migrations, checks, the list, and the business date's files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from scripts.describe_columns import meanings

from billing_aggregator.export.reader import current_manifest, read_csv
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import SQL_ROOT
from tests.features.nightly import Nachtlauf
from tests.orders import sample

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3
    from tests.features.nightly import Nightly

EXPECTED = Path(__file__).parent / "expected"
DAY = "2026-01-01"
CLIENT = {"BDA_CLIENT_ID": "webshop", "BDA_SYSTEMS": "orders"}
APPLIED = "select count(*), count(distinct applied_at) from report_oibl.aggregator_migrations"


@pytest.fixture
def night(nightly: Nightly, postgres: EmbeddedPostgres, s3_server: LocalS3, bucket: str) -> Nachtlauf:
    create_octopus(postgres, "orders_night")
    nacht = Nachtlauf(nightly, postgres, s3_server, "orders_night", bucket)
    nacht.variables |= CLIENT
    return nacht


def errors(night: Nachtlauf) -> str:
    """Return the lines of the log that say what failed."""
    return "\n".join(line[:1000] for line in night.log.splitlines() if "rror" in line)


def test_a_night_applies_migrations_and_publishes_the_business_date(night: Nachtlauf) -> None:
    night.run(business_date=DAY)
    assert night.state == "success", errors(night)
    assert "migration applied" in night.log
    files = sum(len(list((SQL_ROOT / "schema" / name).glob("*.sql"))) for name in ("ledger", "orders"))
    assert night.rows(APPLIED) == [(files, files)]
    with psycopg.connect(night.postgres.dsn(night.database, ROLE)) as connection:
        sample.load(connection)
    night.run(business_date=DAY)
    assert night.state == "success", errors(night)
    assert night.rows(APPLIED) == [(files, files)]
    store = open_store(f"s3://{night.bucket}", night.s3.client)
    manifest = current_manifest(store, "webshop", "local")
    assert manifest is not None
    for export, name in (
        ("orders_results", "orders_results"),
        ("billing/invoices", "invoices"),
        ("billing/ledger_entries", "ledger_entries"),
    ):
        (file,) = manifest.exports[export].files
        rows = list(csv.reader(read_csv(store, manifest.exports[export], file).decode().splitlines()))
        if name == "ledger_entries":
            assert rows[0].pop(0) == "transaction_id"
            rows = [rows[0], *(row[1:] for row in rows[1:])]
        with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as expected:
            assert rows == list(csv.reader(expected)), export
    for export in ("orders_results", "billing/invoices"):
        details = manifest.exports[export].column_details
        assert {column.name: column.description for column in details} == meanings("orders_results")
    assert night.rows("select count(*) from report_oibl.history_orders_results") == [(126,)]
    assert night.rows("select to_regclass('report_oibl.new_orders_results')") == [(None,)]
