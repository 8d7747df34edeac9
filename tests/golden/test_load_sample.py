"""The sample's publication, loaded elsewhere by what ``ddl`` prints: the same rows in Postgres and in DuckDB."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.publications import find_publication
from billing_aggregator.publications.ddl import Target, ddl
from billing_aggregator.publications.verify import verify
from tests.conftest import SQL_ROOT
from tests.exporting import Lab
from tests.golden.build import run_phases

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLES = {
    "customer_oibl": "oibl_customer",
    "tripica_results": "tripica_results",
    "bookkeeper_results": "bookkeeper_results",
}
QUERY = (SQL_ROOT / "archive/customer/oibl.sql").read_text(encoding="utf-8")


@pytest.fixture
def sample(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any], tmp_path: Path) -> Path:
    """A folder with the sample's publication."""
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    target = (tmp_path / "out").as_uri()
    dsn = postgres.dsn(warehouse.info.dbname, "billing_aggregator")
    lab = Lab(dsn, "psycopg", open_store(target, lambda: None), target)
    exports = [Export(name, table=("report_oibl", name)) for name in ("tripica_results", "bookkeeper_results")]
    lab.whole_run([*exports, Export("customer/oibl", query=QUERY)])
    return tmp_path / "out"


def test_every_exported_column_is_described_and_the_files_are_whole(sample: Path) -> None:
    found = find_publication(str(sample), load_client("enercity", "local"))
    assert verify(found).status == 0
    for name, export in found.manifest.exports.items():
        assert [column.name for column in export.column_details] == export.columns
        assert all(column.description and column.type for column in export.column_details), name


def test_postgres_has_the_same_rows(
    sample: Path, postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]
) -> None:
    script = ddl(find_publication(str(sample), load_client("enercity", "local")), Target("postgres", "bi"))
    with psycopg.connect(postgres.dsn(warehouse.info.dbname), autocommit=True) as admin:
        admin.execute("create schema bi")
        done = subprocess.run(
            [str(postgres.binary("psql")), postgres.dsn(warehouse.info.dbname), "-X", "-q", "-v", "ON_ERROR_STOP=1"],
            input=script, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for loaded, origin in TABLES.items():
            one, two = f"table bi.{loaded}", f"table report_oibl.{origin}"
            different = f"(({one} except all {two}) union all ({two} except all {one}))"
            counts = admin.execute(f"select (select count(*) from bi.{loaded}), (select count(*) from {different} x)")
            rows, differing = counts.fetchone() or (0, 1)
            assert rows > 1000, loaded
            assert differing == 0, loaded


def test_duckdb_adds_up_to_the_manifest(sample: Path) -> None:
    found = find_publication(str(sample), load_client("enercity", "local"))
    with duckdb.connect() as connection:
        connection.execute(ddl(found, Target("duckdb")))
        for name, export in found.manifest.exports.items():
            table = name.replace("/", "_")
            sums = ", ".join(f"sum({column})::varchar" for column in export.control_totals)
            row = connection.execute(f"select count(*), {sums} from {table}").fetchone()
            assert row == (export.rows, *export.control_totals.values())
