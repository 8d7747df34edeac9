"""Keeps spreadsheets from taking a text for a formula: such a text gets an apostrophe in front, in the COPY itself.

A spreadsheet that opens a CSV runs what begins with ``=``, ``+``, ``-`` or ``@``, also behind blanks and invisible
characters. The server writes the apostrophe, so rows, hashes and repetitions are those of any other export. Control
totals are untouched: columns of numbers, dates and truth values are never changed, nor are texts that are plain
numbers.

All values of text columns are quoted: a spreadsheet that takes another delimiter than ours, as a German Excel takes the
semicolon, would else find the beginning of a cell in the middle of a text. NULL stays unquoted.

It can be undone: a text that begins with an apostrophe gets one as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.transaction import fetch_all, quote_ident, quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.config.export_options import Dialect
    from billing_aggregator.export.plan.projection import Described
    from billing_aggregator.postgres.protocols import Cursor

#: Blanks and characters without a width, then what begins a formula, also in its full-width form.
BEFORE = r"[\s\u00a0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*"
DANGEROUS = rf"^{BEFORE}[=+@\uff1d\uff0b\uff0d\uff20-]|^[\t\r\n']"
PLAIN_NUMBER = r"^[+-]?[0-9]+([.,][0-9]+)*$"
#: Whether a type's values are texts that somebody may have written: strings, enumerations, XML, types of extensions.
IS_TEXT = """
    (t.typcategory in ('S', 'E', 'X', 'Z') or t.typcategory = 'U'
        and (t.typnamespace <> 'pg_catalog'::regnamespace or t.typname = 'xml'))
"""
TEXTS = f"""
    select t.oid is not null and {IS_TEXT}
    from unnest(%s::oid[]) with ordinality as wanted (oid, place) left join pg_catalog.pg_type t on t.oid = wanted.oid
    order by wanted.place
"""


def neutralised(column: str) -> str:
    """Return the SQL of a quoted column's text, with an apostrophe in front where a spreadsheet would run it.

    ``format`` writes what COPY would, also the blanks of a ``character(n)``.
    """
    text = f"format('%s', {column})"
    dangerous = f"{text} ~ {quote_literal(DANGEROUS)} and {text} !~ {quote_literal(PLAIN_NUMBER)}"
    return f"case when {column} is null then null when {dangerous} then '''' || {text} else {text} end"


def neutralised_query(cursor: Cursor, query: str, described: Described, dialect: Dialect) -> tuple[str, Sequence[str]]:
    """Return *query* with its texts neutralised where the dialect wants that, and the names of its text columns."""
    if not dialect.neutralises:
        return query, ()
    found = [row[0] for row in fetch_all(cursor, TEXTS, [list(described.types)])]
    texts = [name for name, is_text in zip(described.names, found, strict=True) if is_text]
    columns = (quote_ident(name) for name in described.names)
    selected = ", ".join(
        f"{neutralised(column)} as {column}" if is_text else column
        for column, is_text in zip(columns, found, strict=True)
    )
    return f"select {selected} from ({query}\n) named", texts
