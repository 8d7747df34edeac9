"""``ddl``: what the statements for Postgres and DuckDB load is what was exported, value by value."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.publications.ddl import Target, ddl
from billing_aggregator.publications.reference import find_publication

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.exporting import Lab

EXPORT = Export("customer/odd", table=("public", "odd"))
CONFIG = load_client("enercity", "local")


@pytest.fixture(params=[{}, {"compression": "gzip"}, {"dialect": {"delimiter": ";", "null": "\\N"}}], ids=str)
def published(request: pytest.FixtureRequest, new_lab: Callable[..., Lab], tmp_path: Path) -> Lab:
    """A published table of two files with everything that is easily misread, in a folder."""
    lab = new_lab(kind="file", max_rows_per_file=3, **request.param)
    lab.sql(
        "drop table if exists odd cascade",
        """create table odd (id bigint not null, amount numeric(20, 2), "a ""b"" c" text, day date, at timestamptz,
            yes boolean, tags text[], free numeric)""",
        "comment on column odd.amount is 'it''s an amount'",
        """insert into odd values
            (1, 0.10, '', '2026-01-31', '2026-01-31 12:00:00.123456+01', true, '{a,"b c"}', 1.50),
            (2, null, null, null, null, null, null, null),
            (3, -99999999999999.99, e'line 1\\nline "2"; ü, \\\\N', '0001-01-01', '2026-06-01', false, '{}', 1e-30),
            (4, 1, '\\N', '9999-12-31', 'epoch', true, '{NULL,""}',
                12345678901234567890123456789012345678901234567890)""",
    )
    lab.whole_run([EXPORT])
    return lab


def statements(lab: Lab, tmp_path: Path, engine: str) -> str:
    return ddl(find_publication(str(tmp_path / "out"), CONFIG), Target(engine, None))


def test_psql_loads_the_same_rows_into_postgres(published: Lab, postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    psql, dsn = str(postgres.binary("psql")), published.dsn
    published.sql("drop table if exists customer_odd")
    script = statements(published, tmp_path, "postgres")
    done = subprocess.run(
        [psql, dsn, "-X", "-v", "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(dsn) as connection:
        there, back = "table odd except all table customer_odd", "table customer_odd except all table odd"
        difference = f"select count(*) from (({there}) union all ({back})) x"
        assert connection.execute(difference).fetchone() == (0,)
        assert connection.execute("select count(*) from customer_odd").fetchone() == (4,)
        types = """select attname, format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum)
            from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum"""
        both = [connection.execute(types, [name]).fetchall() for name in ("odd", "customer_odd")]
        assert both[0] == both[1]


def test_duckdb_loads_the_same_values(published: Lab, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(statements(published, tmp_path, "duckdb"))
        columns = 'id::text, amount::text, "a ""b"" c", day::text, epoch("at")::bigint::text, yes::text, tags, free'
        found = connection.execute(f"select {columns} from customer_odd order by id").fetchall()
        kinds = connection.execute("select column_type from (describe customer_odd)").fetchall()
    assert [kind for (kind,) in kinds] == [
        "BIGINT", "DECIMAL(20,2)", "VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "VARCHAR", "VARCHAR",
    ]  # fmt: skip
    expected: list[tuple[Any, ...]]
    with psycopg.connect(published.dsn) as connection:
        connection.execute("set datestyle = 'ISO'")
        columns = columns.replace('epoch("at")', 'extract(epoch from "at")').replace(
            "tags, free", "tags::text, free::text"
        )
        expected = connection.execute(f"select {columns} from odd order by id").fetchall()
    assert found == expected
