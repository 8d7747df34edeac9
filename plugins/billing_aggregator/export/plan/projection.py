"""Proves that a query returns some columns of one relation, of all rows and unchanged, and finds out which.

Two answers of the server have to agree, and neither is a displayed name:

* ``EXPLAIN``: the query is one ``Seq Scan`` without filter, so it gives each row of that relation once, in the order of
  its pages;
* the description of the result: each column's origin, a relation and an attribute number. The parser reports it for
  plain columns only, also through subqueries and WITH. For a view it is the view's column; its query
  is described next.

Origins are misleading where several queries make one result: the parser looks at one of them, and the planner may drop
just that one. A query with such a word in it is frozen, as is everything that cannot be proved.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.transaction import fetch_one
from billing_aggregator.postgres.drivers import column_origins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.postgres.protocols import Cursor

#: What stands before a query when it is sent for the first time: positions of its errors are counted from here.
BEFORE_QUERY = "select * from ("
PLAIN_SCAN = frozenset(
    {
        *("Node Type", "Parallel Aware", "Async Capable", "Relation Name", "Schema", "Alias", "Output", "Disabled"),
        *("Startup Cost", "Total Cost", "Plan Rows", "Plan Width"),
    }
)
#: A column by its name, and no expression.
PLAIN_OUTPUT = re.compile(r'(?:(?:"(?:[^"]|"")+"|[^\W\d]\w*)\.)?(?:"(?:[^"]|"")+"|[^\W\d]\w*)')
#: Also found in comments and strings: such a query is frozen needlessly, which is still correct.
SEVERAL_QUERIES = re.compile(r"(?<![^\W\d])(?:union|intersect|except|join)(?!\w)", re.IGNORECASE)
VIEWS_DEEP = 16
SYNTAX_OR_ACCESS = "42"


@dataclass(frozen=True)
class Described:
    """A query's columns.

    :param names: as they are displayed.
    :param types: oids.
    :param origins: relation's oid and attribute number; zeros for what is no plain column.
    """

    names: tuple[str, ...]
    types: tuple[int, ...]
    origins: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Projection:
    """Columns of one relation, by attribute number, and the oids of the views through which they are read."""

    oid: int
    numbers: tuple[int, ...]
    views: tuple[int, ...]


def describe(cursor: Cursor, query: str) -> Described:
    """Return the columns of *query* without running it."""
    cursor.execute(f"{BEFORE_QUERY}{query}\n) named limit 0")
    columns = cursor.description or ()
    return Described(tuple(c[0] for c in columns), tuple(c[1] for c in columns), column_origins(cursor))


def find_projection(cursor: Cursor, query: str, described: Described) -> Projection | None:
    """Return the columns of one relation that *query* gives, of all rows and in physical order; None if unproved."""
    scanned = _scanned(cursor, query, len(described.names))
    return _follow(cursor, query, described, scanned, ()) if scanned is not None else None


def _scanned(cursor: Cursor, query: str, columns: int) -> int | None:
    """Return the oid of the relation that the query reads by one scan, row by row, with nothing computed."""
    cursor.execute(f"explain (verbose, format json) {query}")
    plan = cursor.fetchone()[0]
    node = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    if node["Node Type"] != "Seq Scan" or not PLAIN_SCAN.issuperset(node):
        return None
    if len(node["Output"]) != columns or not all(map(PLAIN_OUTPUT.fullmatch, node["Output"])):
        return None
    return relation_oid(cursor, node["Schema"], node["Relation Name"])


def relation_oid(cursor: Cursor, schema: str, name: str) -> int | None:
    """Return the oid of the relation of that name; None if there is none."""
    row = fetch_one(
        cursor,
        "select c.oid::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = %s and c.relname = %s",
        [schema, name],
    )
    return row[0] if row else None


def _follow(
    cursor: Cursor, query: str, described: Described, scanned: int, views: tuple[int, ...]
) -> Projection | None:
    """Follow the columns' origins from *query* through views down to *scanned*."""
    oids = {oid for oid, _ in described.origins}
    numbers = tuple(number for _, number in described.origins)
    if len(oids) != 1 or min(numbers) <= 0 or SEVERAL_QUERIES.search(query) or len(views) > VIEWS_DEEP:
        return None
    (oid,) = oids
    if oid == scanned:
        return Projection(oid, numbers, views)
    below = _view(cursor, oid)
    if below is None:
        return None
    text, inner = below
    # A view's attribute numbers count the columns of its query: none of them can be dropped.
    chosen = Described(*(_choose(values, numbers) for values in (inner.names, inner.types, inner.origins)))
    return _follow(cursor, text, chosen, scanned, (*views, oid))


def _choose(values: Sequence[Any], numbers: Sequence[int]) -> tuple[Any, ...]:
    return tuple(values[number - 1] for number in numbers)


def _view(cursor: Cursor, oid: int) -> tuple[str, Described] | None:
    """Return a view's query and its columns; None for other relations, and for what only the view's owner may read."""
    row = fetch_one(cursor, "select pg_get_viewdef(oid) from pg_class where oid = %s and relkind = 'v'", [oid])
    if row is None:
        return None
    text = row[0].rstrip().removesuffix(";")
    cursor.execute("savepoint bda_view")
    try:
        described = describe(cursor, text)
    except Exception as error:
        if not (sqlstate(error) or "").startswith(SYNTAX_OR_ACCESS):
            raise
        cursor.execute("rollback to savepoint bda_view")
        return None
    return text, described
