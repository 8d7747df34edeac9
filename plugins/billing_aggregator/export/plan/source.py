"""What is exported: a relation and some of its columns, found from a table's name or from a query.

A table or materialised view is read by its pages, so a plan can cut it at exact rows. A query or view that is provably
nothing but some columns of one such relation is read from that relation's pages too, see
:mod:`billing_aggregator.export.plan.projection`. Any other query has to be frozen in a table first, see
:mod:`billing_aggregator.export.plan.staging`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.export.errors import TerminalExportError
from billing_aggregator.export.plan.definition import TableColumn, columns_of
from billing_aggregator.export.plan.formulas import neutralised
from billing_aggregator.export.plan.projection import Described, describe, find_projection, relation_oid
from billing_aggregator.export.plan.relation import Relation, find_relation
from billing_aggregator.export.transaction import fetch_all, fetch_one, quote_ident, quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.config.export_options import Dialect
    from billing_aggregator.postgres.protocols import Cursor

#: Types that add up exactly; a float's sum depends on the order of its rows.
SUMMED = frozenset({"smallint", "integer", "bigint", "numeric"})


class SourceError(TerminalExportError):
    """The table or query cannot be exported; the message says why."""


@dataclass(frozen=True)
class Column:
    """A column of the CSV.

    :param name: its name in the header.
    :param source: its name in the relation.
    :param summed: whether its exact sum is a control total.
    :param type: Postgres' name of its type, e.g. ``numeric(20,2)``; empty in plans of an earlier version.
    :param nullable: whether it may be null: False for columns that their table declares ``not null``.
    :param description: what it means: the comment of the table's column, or of the one that a frozen query reads.
    :param is_text: whether its values are texts, see :mod:`billing_aggregator.export.plan.formulas`.
    """

    name: str
    source: str
    summed: bool
    type: str = ""
    nullable: bool = True
    description: str = ""
    is_text: bool = False

    @classmethod
    def of(cls, name: str, column: TableColumn) -> Self:
        """Return the CSV's column *name*, which is *column* of a relation."""
        summed = column.kind in SUMMED
        return cls(name, column.name, summed, column.type, column.nullable, column.description, column.is_text)

    def selected(self, dialect: Dialect) -> str:
        """Return the column as the COPY selects it."""
        source, name = quote_ident(self.source), quote_ident(self.name)
        if self.is_text and dialect.neutralises:
            return f"{neutralised(source)} as {name}"
        return source if source == name else f"{source} as {name}"


@dataclass(frozen=True)
class Source:
    """A relation, the columns to export, and whether the relation is a frozen copy of ours."""

    relation: Relation
    columns: tuple[Column, ...]
    staging: bool = False

    def copy_statement(self, dialect: Dialect, after: str | None, upto: str | None) -> str:
        """Return the COPY of the rows behind tuple *after* up to *upto*, e.g. ``(3,7)``; None is an open end."""
        selected = ", ".join(column.selected(dialect) for column in self.columns)
        select = f"select {selected} from only {self.relation.sql}{tid_range(after, upto)}"
        return copy_statement(select, dialect, [column.name for column in self.columns if column.is_text])

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
        return cls(Relation.from_json(values["relation"]), columns, values["staging"])


def copy_statement(select: str, dialect: Dialect, texts: Sequence[str]) -> str:
    """Return ``COPY (select) TO STDOUT`` in the export's dialect.

    :param texts: the text columns; they are always quoted where formulas are neutralised.
    """
    options = [f"format csv, header {str(dialect.header).lower()}, encoding 'UTF8'"]
    options.append(f"delimiter {quote_literal(dialect.delimiter)}, null {quote_literal(dialect.null)}")
    if texts and dialect.neutralises:
        options.append(f"force_quote ({', '.join(map(quote_ident, texts))})")
    return f"copy ({select}\n) to stdout with ({', '.join(options)})"


def tid_range(after: str | None, upto: str | None) -> str:
    """Return the where clause of a range of tuple ids."""
    bounds = [f"ctid > {quote_literal(after)}::tid"] if after else []
    bounds += [f"ctid <= {quote_literal(upto)}::tid"] if upto else []
    return f" where {' and '.join(bounds)}" if bounds else ""


def find_table(cursor: Cursor, schema: str, name: str) -> Source | None:
    """Return the source that reads all columns of a table or materialised view by its pages.

    None for what is read as a query: views, partitioned and inherited tables, columns whose text may change by itself.

    :raises SourceError: there is no such relation.
    """
    if fetch_one(cursor, "select to_regclass(%s)", [quote_ident(schema, name)])[0] is None:
        raise SourceError(f"relation {quote_ident(schema, name)} does not exist")
    oid = relation_oid(cursor, schema, name)
    relation = find_relation(cursor, oid) if oid is not None else None
    if relation is None:
        return None
    columns = columns_of(cursor, relation.oid)
    return _source(relation, [(column.name, column) for column in columns])


def find_query(cursor: Cursor, query: str) -> Source | None:
    """Return the source that gives *query*'s rows from one relation's pages; None if it has to be frozen first.

    :raises SourceError: two columns of the query have one name.
    """
    described = describe_named(cursor, query)
    projection = find_projection(cursor, query, described)
    relation = find_relation(cursor, projection.oid, projection.views) if projection else None
    if projection is None or relation is None:
        return None
    by_number = {column.number: column for column in columns_of(cursor, relation.oid)}
    found = [by_number[number] for number in projection.numbers]
    return _source(relation, list(zip(described.names, found, strict=True)))


def _source(relation: Relation, columns: Sequence[tuple[str, TableColumn]]) -> Source | None:
    """Return the source of named columns, or None if the text of one of them may change while its row does not."""
    if not all(column.fixed for _, column in columns):
        return None
    return Source(relation, tuple(Column.of(name, column) for name, column in columns))


def describe_named(cursor: Cursor, query: str) -> Described:
    """Return the query's columns; raises :class:`SourceError` if two have one name or there is none."""
    described = describe(cursor, query)
    names = described.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise SourceError(f"the query's columns must have different names; several are called: {', '.join(twice)}")
    return described


def query_totals(cursor: Cursor, query: str) -> tuple[int, dict[str, str]]:
    """Return rows and control totals of *query* by running it once more."""
    described = describe(cursor, query)
    description = list(zip(described.names, described.types, strict=True))
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
