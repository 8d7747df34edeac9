"""DuckDB: ``create table`` and ``read_csv`` with explicit types; ``""`` is an empty text, nothing is NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.ddl.table import joined, literal
from billing_aggregator.publications.ddl.types import engine_type

if TYPE_CHECKING:
    from billing_aggregator.publications.ddl.table import LoadTable


def statements(table: LoadTable) -> str:
    """Return the statements; files in a bucket need ``load httpfs`` and a secret."""
    csv = table.csv
    types = [
        f"        {literal(column.name)}: {literal(engine_type(column.type, 'duckdb').sql)}" for column in table.columns
    ]
    options = [
        f"header = {str(csv['header']).lower()}",
        f"delim = {literal(csv['delimiter'])}",
        "quote = '\"'",
        "escape = '\"'",
        f"nullstr = {literal(csv['null'])}",
        "allow_quoted_nulls = false",
        "auto_detect = false",
        f"compression = {literal(csv['compression'])}",
    ]
    lines = [table.heading(), f"create table {table.qualified()} (", *table.definitions("duckdb"), ");"]
    lines += table.column_comments(literal)
    if table.urls:
        files = ",\n".join(f"        {literal(url)}" for url in table.urls)
        lines += [f"insert into {table.qualified()}", "select * from read_csv(", f"    [\n{files}\n    ],"]
        lines += ["    columns = {", ",\n".join(types), "    },"]
        lines += [",\n".join(f"    {option}" for option in options), ");"]
    return joined(lines)
