"""Athena: an external table of texts over the list that ``load_lists: [athena]`` writes, and a view with the types.

OpenCSVSerDe is the one that reads quoted fields, and it knows texts only; it reads ``""`` and nothing alike, and no
line ends within a field. The view casts, and takes an empty text for NULL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.ddl.table import escaped, identifier, joined, literal, one_line
from billing_aggregator.publications.ddl.types import engine_type

if TYPE_CHECKING:
    from billing_aggregator.export.manifest import ManifestColumn
    from billing_aggregator.publications.ddl.table import LoadTable

TICK = "`"
#: What a view's query calls the types that a table's definition calls otherwise.
CASTS = {"string": "varchar", "int": "integer", "float": "real"}


def statements(table: LoadTable) -> str:
    """Return the statements: the table ``<name>_csv`` and the view ``<name>``."""
    csv = table.csv
    columns = ",\n".join(_column(column) for column in table.columns)
    location = table.lists["athena"].rpartition("/")[0] + "/"
    lines = [table.heading(), f"create external table {table.qualified(TICK, '_csv')} (", columns, ")"]
    lines += ["row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"]
    lines += [f"with serdeproperties ('separatorChar' = {escaped(csv['delimiter'])}, 'quoteChar' = '\"',"]
    # A character that no text has: with the default, a backslash would vanish.
    lines += ["    'escapeChar' = '\\001')", "stored as"]
    lines += ["inputformat 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'"]
    lines += ["outputformat 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'"]
    lines += [f"location {literal(location)}"]
    lines += [f"tblproperties ('skip.header.line.count' = '{int(csv['header'])}');"]
    values = ",\n".join(f"    {_value(column, csv['null'])} as {identifier(column.name)}" for column in table.columns)
    lines += ["", f"create or replace view {table.qualified()} as", "select", values]
    return joined(lines) + f"\nfrom {table.qualified(ending='_csv')};"


def _column(column: ManifestColumn) -> str:
    meaning = f" comment {escaped(one_line(column.description))}" if column.description else ""
    return f"    {identifier(column.name, TICK)} string{meaning}"


def _value(column: ManifestColumn, null: str) -> str:
    name = identifier(column.name)
    value = f"nullif({name}, {literal(null)})"
    kind = engine_type(column.type, "athena")
    if kind.sql == "string":
        return value
    if column.type == "timestamp with time zone":
        # The files have instants in UTC, as 2024-12-11 12:32:14.848+00, which a cast does not read.
        return f"cast(replace({value}, '+00', ' UTC') as timestamp(6) with time zone)"
    if column.type == "boolean":
        return f"case {value} when 't' then true when 'f' then false end"
    return f"cast({value} as {CASTS.get(kind.sql, kind.sql)})"
