"""Warns of CSV that many programs misread: the NULLs of a single column become empty lines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from billing_aggregator.export.transaction import fetch_one, quote_ident

if TYPE_CHECKING:
    from billing_aggregator.config.export_options import Dialect
    from billing_aggregator.export.plan.source import Source
    from billing_aggregator.postgres.protocols import Cursor

LOG = logging.getLogger(__name__)


def warn_of_empty_lines(cursor: Cursor, export: str, source: Source, dialect: Dialect) -> None:
    """Log a warning if rows of the export will be empty lines. Costs a scan, for exports of one column only."""
    if len(source.columns) == 1 and not dialect.null:
        _warn(cursor, export, source.columns[0].source, f"only {source.relation.sql}")


def warn_of_empty_lines_of_query(cursor: Cursor, export: str, query: str, columns: list[str], dialect: Dialect) -> None:
    """Log the same warning for a query that is not frozen: it runs once more."""
    if len(columns) == 1 and not dialect.null:
        _warn(cursor, export, columns[0], f"({query}\n) named")


def _warn(cursor: Cursor, export: str, column: str, rows: str) -> None:
    # "is null" would also be true of a composite value that holds nothing but NULLs.
    statement = f"select exists (select from {rows} where num_nulls({quote_ident(column)}) = 1)"
    if fetch_one(cursor, statement)[0]:
        LOG.warning(
            "export %s has one column (%s) with NULLs, which are empty lines in its CSV: pandas, Python's csv and "
            "others skip them and read fewer rows; set dialect.null to a word, e.g. \\N",
            export,
            column,
        )
