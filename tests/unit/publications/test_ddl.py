"""The statements of each engine: types, quoting, and its own grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlfluff.core import Linter

from billing_aggregator.export.manifest import ManifestColumn
from billing_aggregator.publications.ddl.engines import ENGINES
from billing_aggregator.publications.ddl.table import LoadTable
from billing_aggregator.publications.ddl.types import engine_type

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = (
    "text", "character varying(20)", "integer", "bigint", "numeric(20,2)", "numeric", "boolean", "date",
    "timestamp with time zone", "timestamp without time zone", "double precision", "jsonb", "text[]", "uuid",
    "interval",
)  # fmt: skip


def table(**csv: Any) -> LoadTable:
    columns = [ManifestColumn(name=f"c{n}", type=kind, nullable=True) for n, kind in enumerate(TYPES)]
    columns.append(ManifestColumn(name='Straße "x"', type="text", nullable=False, description="it's `the` street; \\"))
    return LoadTable(
        name="customer_oibl",
        schema="bi",
        columns=tuple(columns),
        csv={"compression": "none", "delimiter": ",", "header": True, "null": ""} | csv,
        urls=("s3://bucket/one/prod/customer/oibl_0000.csv", "s3://bucket/one/prod/customer/oibl_0001.csv"),
        lists={
            "redshift": "s3://bucket/one/prod/lists/redshift/customer/oibl.json",
            "athena": "s3://bucket/one/prod/lists/athena/customer/oibl/files.txt",
        },
        region="eu-central-1",
        role=None,
        comment="customer/oibl of one/prod",
    )


def unparsable(sql: str, dialect: str) -> Iterator[str]:
    parsed = Linter(dialect=dialect).parse_string(sql)
    yield from (str(violation) for violation in parsed.violations)


@pytest.mark.parametrize(
    "csv", [{}, {"compression": "gzip", "delimiter": ";", "null": "\\N"}, {"header": False}], ids=str
)
@pytest.mark.parametrize("engine", ["redshift", "athena", "snowflake", "duckdb"])
def test_the_statements_follow_the_engines_grammar(engine: str, csv: dict[str, Any]) -> None:
    assert list(unparsable(ENGINES[engine](table(**csv)), engine)) == []


def test_the_grammar_notices_a_mistake() -> None:
    broken = ENGINES["redshift"](table()).replace("iam_role", "with_role")
    assert list(unparsable(broken, "redshift"))


@pytest.mark.parametrize(
    ("kind", "engine", "expected"),
    [
        ("numeric(20,2)", "redshift", "decimal(20,2)"),
        ("numeric(39,2)", "redshift", "varchar(65535)"),
        ("numeric", "athena", "string"),
        ("numeric(5,-2)", "duckdb", "varchar"),
        ("character varying(20)", "redshift", "varchar(80)"),
        ("character varying(20000)", "redshift", "varchar(65535)"),
        ("character varying", "snowflake", "varchar"),
        ("timestamp with time zone", "snowflake", "timestamp_tz(6)"),
        ("timestamp(3) without time zone", "duckdb", "timestamp"),
        ("text[]", "duckdb", "varchar"),
        ("my.mood", "athena", "string"),
        ("bytea", "redshift", "varchar(65535)"),
        ('"char"', "postgres", '"char"'),
    ],
)
def test_each_type_is_the_narrowest_exact_one(kind: str, engine: str, expected: str) -> None:
    assert engine_type(kind, engine).sql == expected


def test_a_type_that_stays_text_says_so() -> None:
    assert '"c11" varchar(65535), -- jsonb: text, so that nothing is lost' in ENGINES["redshift"](table())


def test_compression_null_and_delimiter_reach_the_load_command() -> None:
    special = {"compression": "gzip", "delimiter": "\t", "null": "\\N", "header": False}
    redshift, snowflake = (ENGINES[name](table(**special)) for name in ("redshift", "snowflake"))
    assert "null as '\\\\N'\ngzip" in redshift
    assert "ignoreheader" not in redshift
    assert "null_if = ('\\\\N')" in snowflake
    assert "skip_header = 0" in snowflake
    assert "from program 'gzip -dc one/prod/customer/oibl_0000.csv'" in ENGINES["postgres"](table(**special))
