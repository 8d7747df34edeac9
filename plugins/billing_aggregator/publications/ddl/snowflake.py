"""Snowflake: ``create table``, a stage on the bucket, ``copy into`` with the publication's files by name."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING

from billing_aggregator.publications.ddl.table import escaped, identifier, joined, literal

if TYPE_CHECKING:
    from billing_aggregator.publications.ddl.table import LoadTable

ANY_INTEGRATION = "<storage_integration>"
#: COPY takes so many names at most.
MOST_FILES = 1000
COMPRESSIONS = {"none": "none", "gzip": "gzip", "zstd": "zstd"}


def statements(table: LoadTable) -> str:
    """Return the statements; the files are in one bucket."""
    lines = [table.heading(), f"create table {table.qualified()} (", *table.definitions("snowflake"), ");"]
    lines += table.column_comments(escaped)
    if not table.urls:
        return joined(lines)
    # The files' common folder: keys have one at least.
    folder = commonprefix(table.urls).rpartition("/")[0] + "/"  # noqa: RUF071 - of URLs, up to a slash
    stage = table.qualified(ending="_stage")
    integration = identifier(table.role) if table.role else ANY_INTEGRATION.strip("<>")
    lines += [f"create or replace stage {stage}", f"url = {literal(folder)}"]
    lines += [f"storage_integration = {integration}", f"file_format = ({_format(table)});"]
    keys = [url.removeprefix(folder) for url in table.urls]
    for start in range(0, len(keys), MOST_FILES):
        names = ", ".join(literal(key) for key in keys[start : start + MOST_FILES])
        lines += [
            f"copy into {table.qualified()}",
            f"from @{stage}",
            f"files = ({names})",
            "on_error = abort_statement;",
        ]
    return joined(lines)


def _format(table: LoadTable) -> str:
    """Return the file format: without the last three settings a backslash would escape and ``""`` would be NULL."""
    csv = table.csv
    settings = {
        "type": "csv",
        "compression": COMPRESSIONS[csv["compression"]],
        "field_delimiter": escaped(csv["delimiter"]),
        "skip_header": str(int(csv["header"])),
        "field_optionally_enclosed_by": "'\"'",
        "encoding": "'UTF8'",
        "empty_field_as_null": str(not csv["null"]).lower(),
        "null_if": f"({escaped(csv['null']) if csv['null'] else ''})",
        "escape": "none",
        "escape_unenclosed_field": "none",
    }
    return " ".join(f"{name} = {value}" for name, value in settings.items())
