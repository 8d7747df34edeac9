"""What is exported: a relation and some of its columns, found from a table's name or from a query.

A table or materialised view is read by its pages, so a plan can cut it at exact rows. A query or view that is nothing
but some columns of one such relation is read from that relation's pages too: its plan is a single Seq Scan without
filter. Any other query has to be frozen in a table first, see :mod:`billing_aggregator.export.staging`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.export.errors import TerminalExportError
from billing_aggregator.export.relation import Relation, columns_of, find_relation
from billing_aggregator.export.session import fetch_all, fetch_one, quote_ident, quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.export.options import Dialect

#: Types that add up exactly; a float's sum depends on the order of its rows.
SUMMED = frozenset({"smallint", "integer", "bigint", "numeric"})
#: What stands before a query when it is sent for the first time: positions of its errors are counted from here.
BEFORE_QUERY = "select * from ("
PLAIN_SCAN = frozenset(
    {
        *("Node Type", "Parallel Aware", "Async Capable", "Relation Name", "Schema", "Alias", "Output", "Disabled"),
        *("Startup Cost", "Total Cost", "Plan Rows", "Plan Width"),
    }
)


class SourceError(TerminalExportError):
    """The table or query cannot be exported; the message says why."""


@dataclass(frozen=True)
class Column:
    """A column of the CSV.

    :param name: its name in the header.
    :param source: its name in the relation.
    :param summed: whether its exact sum is a control total.
    """

    name: str
    source: str
    summed: bool


@dataclass(frozen=True)
class Source:
    """A relation, the columns to export, and whether the relation is a frozen copy of ours."""

    relation: Relation
    columns: tuple[Column, ...]
    staging: bool = False

    def copy_statement(self, dialect: Dialect, after: str | None, upto: str | None) -> str:
        """Return the COPY of the rows behind tuple *after* up to *upto*, e.g. ``(3,7)``; None is an open end."""
        selected = ", ".join(
            quote_ident(c.source) if c.name == c.source else f"{quote_ident(c.source)} as {quote_ident(c.name)}"
            for c in self.columns
        )
        select = f"select {selected} from only {self.relation.sql}{tid_range(after, upto)}"
        return copy_statement(select, dialect)

    def totals_columns(self) -> str:
        """Return the select list of the control totals, starting with a comma, in the order of the columns."""
        return "".join(f", coalesce(sum({quote_ident(c.source)}), 0)::text" for c in self.columns if c.summed)

    def totals(self, values: Sequence[Any]) -> dict[str, str]:
        """Return name → exact text of the values that :meth:`totals_columns` selected."""
        return dict(zip((c.name for c in self.columns if c.summed), values, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the source as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the source that :meth:`to_json` wrote."""
        columns = tuple(Column(**column) for column in values["columns"])
        return cls(Relation(**values["relation"]), columns, values["staging"])


def copy_statement(select: str, dialect: Dialect) -> str:
    """Return ``COPY (select) TO STDOUT`` in the export's dialect."""
    options = [f"format csv, header {str(dialect.header).lower()}, encoding 'UTF8'"]
    options.append(f"delimiter {quote_literal(dialect.delimiter)}, null {quote_literal(dialect.null)}")
    return f"copy ({select}\n) to stdout with ({', '.join(options)})"


def tid_range(after: str | None, upto: str | None) -> str:
    """Return the where clause of a range of tuple ids."""
    bounds = [f"ctid > {quote_literal(after)}::tid"] if after else []
    bounds += [f"ctid <= {quote_literal(upto)}::tid"] if upto else []
    return f" where {' and '.join(bounds)}" if bounds else ""


def find_table(cursor: Any, schema: str, name: str) -> Source | None:
    """Return the source that reads all columns of a table or materialised view by its pages.

    None for views, partitioned and inherited tables: they are read as a query.

    :raises SourceError: there is no such relation.
    """
    relation = find_relation(cursor, schema, name)
    if relation is None:
        if fetch_one(cursor, "select to_regclass(%s)", [quote_ident(schema, name)])[0] is None:
            raise SourceError(f"relation {quote_ident(schema, name)} does not exist")
        return None
    return Source(relation, tuple(Column(n, n, kind in SUMMED) for n, kind in columns_of(cursor, relation.oid)))


def find_query(cursor: Any, query: str) -> Source | None:
    """Return the source that gives *query*'s rows from one relation's pages; None if it has to be frozen first.

    :raises SourceError: two columns of the query have one name.
    """
    names = column_names(cursor, query)
    cursor.execute(f"explain (verbose, format json) {query}")
    plan = cursor.fetchone()[0]
    node = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    if node["Node Type"] != "Seq Scan" or not PLAIN_SCAN.issuperset(node):
        return None
    relation = find_relation(cursor, node["Schema"], node["Relation Name"])
    if relation is None:
        return None
    kinds = dict(columns_of(cursor, relation.oid))
    alias = fetch_one(cursor, "select quote_ident(%s)", [node["Alias"]])[0]
    quoted = fetch_all(cursor, "select quote_ident(name), name from unnest(%s::text[]) name", [list(kinds)])
    # The prefix is there when the query came through a view.
    by_output = {f"{prefix}{text}": name for prefix in ("", f"{alias}.") for text, name in quoted}
    found = [by_output.get(output) for output in node["Output"]]
    columns = tuple(
        Column(name, source, kinds[source] in SUMMED)
        for name, source in zip(names, found, strict=True)
        if source is not None
    )
    return Source(relation, columns) if len(columns) == len(names) else None


def column_names(cursor: Any, query: str) -> list[str]:
    """Return the names of the query's columns; raises :class:`SourceError` if two are the same or there is none."""
    cursor.execute(f"{BEFORE_QUERY}{query}\n) named limit 0")
    names = [column[0] for column in cursor.description]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise SourceError(f"the query's columns must have different names; several are called: {', '.join(twice)}")
    return names


def query_totals(cursor: Any, query: str) -> tuple[int, dict[str, str]]:
    """Return rows and control totals of *query* by running it once more."""
    cursor.execute(f"select * from ({query}\n) named limit 0")
    description = [(column[0], column[1]) for column in cursor.description]
    kinds = dict(
        fetch_all(
            cursor,
            "select oid::bigint, format_type(oid, null) from pg_type where oid = any(%s::oid[])",
            [[oid for _, oid in description]],
        )
    )
    summed = [name for name, oid in description if kinds[oid] in SUMMED]
    sums = "".join(f", coalesce(sum({quote_ident(name)}), 0)::text" for name in summed)
    count, *values = fetch_one(cursor, f"select count(*){sums} from ({query}\n) named")
    return count, dict(zip(summed, values, strict=True))
