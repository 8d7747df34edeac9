"""Redshift: ``create table`` and ``copy`` with the list of files that the option ``load_lists: [redshift]`` writes.

Redshift reads ``""`` and nothing alike: both are NULL (``emptyasnull``), unless the files write NULL as a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.ddl.table import escaped, joined, literal

if TYPE_CHECKING:
    from billing_aggregator.publications.ddl.table import LoadTable

ANY_ROLE = "arn:aws:iam::<account>:role/<role>"


def statements(table: LoadTable) -> str:
    """Return the statements; the list names the keys of the newest publication, whichever it is."""
    csv = table.csv
    columns = ", ".join('"' + column.name.replace('"', '""') + '"' for column in table.columns)
    options = ["manifest", "format as csv", f"delimiter as {escaped(csv['delimiter'])}"]
    options += ["ignoreheader as 1"] if csv["header"] else []
    options += [f"null as {escaped(csv['null'])}"] if csv["null"] else ["emptyasnull"]
    options += {"none": [], "gzip": ["gzip"], "zstd": ["zstd"]}[csv["compression"]]
    options += ["encoding as utf8", "dateformat as 'auto'", "timeformat as 'auto'"]
    options += [f"region as {literal(table.region)}"] if table.region else []
    lines = [table.heading(), f"create table {table.qualified()} (", *table.definitions("redshift"), ");"]
    lines += table.column_comments(escaped)
    lines += [f"copy {table.qualified()} ({columns})", f"from {literal(table.lists['redshift'])}"]
    lines += [f"iam_role {literal(table.role or ANY_ROLE)}", *options]
    return joined(lines) + ";"
