r"""Postgres: ``create table`` and psql's ``\copy``, which reads files at the client; compressed ones by a program.

Types of the source's own (enumerations, domains) have to exist in the target.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from billing_aggregator.publications.ddl.table import joined, literal

if TYPE_CHECKING:
    from billing_aggregator.publications.ddl.table import LoadTable

PROGRAMS = {"gzip": "gzip -dc", "zstd": "zstd -dc"}


def statements(table: LoadTable) -> str:
    """Return the statements, for psql; files of a bucket are named as ``download`` lays them into a folder."""
    name, csv = table.qualified(), table.csv
    options = ["format csv", f"header {str(csv['header']).lower()}", "encoding 'UTF8'"]
    options += [f"delimiter {literal(csv['delimiter'])}", f"null {literal(csv['null'])}"]
    lines = [table.heading(), f"create table {name} (", *table.definitions("postgres"), ");"]
    lines += table.column_comments(literal)
    if any(urlsplit(url).scheme == "s3" for url in table.urls):
        lines.append("-- The files as `publications download` lays them into a folder: run psql there.")
    for url in table.urls:
        path = urlsplit(url).path.lstrip("/") if url.startswith("s3://") else url
        lines.append(f"\\copy {name} from {_source(path, csv['compression'])} with ({', '.join(options)})")
    return joined(lines)


def _source(path: str, compression: str) -> str:
    if compression == "none":
        return literal(path)
    return "program " + literal(f"{PROGRAMS[compression]} {shlex.quote(path)}")
