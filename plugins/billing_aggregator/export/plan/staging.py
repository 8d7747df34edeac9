"""Freezes a query's result in an unlogged table, so that it can be cut, read in parallel and compared later."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.errors import ExportError
from billing_aggregator.export.plan.definition import columns_of, describe_origins
from billing_aggregator.export.plan.projection import relation_oid
from billing_aggregator.export.plan.source import Source, SourceError, describe_named, find_table
from billing_aggregator.export.transaction import fetch_all, fetch_one, quote_ident, quote_literal, transaction
from billing_aggregator.export.transaction_settings import plan_as_by_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.transaction import GuardedConnection
    from billing_aggregator.postgres.protocols import Connection, Cursor

PREFIX = "aggregator_export_"
HASH_LENGTH = 24
#: So long is what the names of one export's tries have in common.
STEM = len(PREFIX) + HASH_LENGTH
#: Program limit exceeded, too many columns.
TOO_WIDE = ("54000", "54011")


class ReadOnlyServerError(ExportError):
    """A query has to be frozen and the server takes no writes: a standby, for good or during a failover."""


def staging_name(run: ExportRun, export: str, attempt: int = 1) -> str:
    """Return the table's name: of one try of one run's export; those of its tries differ in their end."""
    identity = json.dumps([run.to_json(), export], sort_keys=True)
    return f"{PREFIX}{hashlib.sha256(identity.encode()).hexdigest()[:HASH_LENGTH]}_{attempt}"


def freeze_query(
    connection: GuardedConnection, schema: str, query: str, run: ExportRun, export: str, *, attempt: int = 1
) -> Source:
    """Create the staging table anew from *query*, in the query's order, and return it as a source.

    What earlier tries have frozen is dropped, and nothing of a later one: Airflow may have given this one up, and its
    successor exports its own copy.

    :param attempt: number of the try.
    :raises SourceError: the result does not fit in a table.
    :raises ReadOnlyServerError: the server is a standby.
    """
    name = staging_name(run, export, attempt)
    table = quote_ident(schema, name)
    _refuse_standby(connection, export)
    with connection.transaction(write=True, own_path=True) as cursor:
        # A process of the same try may still be at it: two that create one table would both fail.
        cursor.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0))", [name])
        plan_as_by_default(cursor)
        described = describe_named(cursor, query)
        descriptions = describe_origins(cursor, described.origins)
        for number, copy in _copies(cursor, schema, name):
            if number <= attempt:
                cursor.execute(f"drop table if exists {quote_ident(schema, copy)}")
        with _too_wide(export):
            cursor.execute(f"create unlogged table {table} as {query}")
        note = json.dumps({"run": run.run_id, "export": export, "created": round(time.time())})
        cursor.execute(f"comment on table {table} is {quote_literal(note)}")
        _fix_texts(cursor, schema, name)
        source = find_table(cursor, schema, name)
    if source is None:
        raise SourceError(f"{table} was frozen for export {export} but is no plain table")
    columns = (replace(column, description=text) for column, text in zip(source.columns, descriptions, strict=True))
    return Source(source.relation, tuple(columns), staging=True)


def _fix_texts(cursor: Cursor, schema: str, name: str) -> None:
    """Turn columns whose text may change while the row does not, e.g. names of other objects, into text."""
    cursor.execute("set local search_path = pg_catalog")
    oid = relation_oid(cursor, schema, name)
    columns = [column.name for column in columns_of(cursor, oid or 0) if not column.fixed]
    if columns:
        quoted = map(quote_ident, columns)
        actions = ", ".join(f"alter column {column} type text using {column}::text" for column in quoted)
        cursor.execute(f"alter table {quote_ident(schema, name)} {actions}")


@contextmanager
def _too_wide(export: str) -> Iterator[None]:
    """Say what to do about a result that no table can hold."""
    try:
        yield
    except Exception as error:
        if sqlstate(error) not in TOO_WIDE:
            raise
        raise SourceError(
            f"export {export}: its query has to be frozen in a table, and its result does not fit in one: "
            f"{str(error).strip()}. A table has at most 1,600 columns, and a row at most 8 kB beside the long values "
            "that Postgres stores elsewhere: select fewer columns, cast wide ones to narrower types, or join small "
            "ones into one text or array"
        ) from error


def _refuse_standby(connection: GuardedConnection, export: str) -> None:
    with connection.transaction() as cursor:
        if fetch_one(cursor, "select pg_is_in_recovery()")[0]:
            raise ReadOnlyServerError(
                f"export {export} has to be frozen in a table first, which a standby does not allow: "
                "connect to the primary, or export a plain table"
            )


def drop_staging(connection: Connection, source: Source, *, timeout: float, every_try: bool = False) -> None:
    """Drop the source's staging table; does nothing for other sources or when it is gone.

    :param every_try: also those of the export's other tries: its run is published, or gives up.
    """
    schema, name = source.relation.schema, source.relation.name
    if source.staging and name.startswith(PREFIX):
        with transaction(connection, statement_timeout=timeout, write=True) as cursor:
            copies = [copy for _, copy in _copies(cursor, schema, name)] if every_try else [name]
            for copy in copies:
                cursor.execute(f"drop table if exists {quote_ident(schema, copy)}")


def _copies(cursor: Cursor, schema: str, name: str) -> list[tuple[int, str]]:
    """Return number and table of each try that has frozen the same export of the same run as table *name*."""
    found = fetch_all(
        cursor,
        """
        select c.relname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and starts_with(c.relname, %s) and c.relkind = 'r'
        """,
        [schema, name[:STEM]],
    )
    return sorted((int(copy[STEM:].lstrip("_") or 0), copy) for (copy,) in found)


def sweep_staging(connection: Connection, schema: str, *, older_than: float, timeout: float) -> list[str]:
    """Drop the staging tables in *schema* that are older than so many seconds; return their names."""
    dropped = []
    with transaction(connection, statement_timeout=timeout, write=True) as cursor:
        found = fetch_all(
            cursor,
            """
            select c.relname::text, obj_description(c.oid, 'pg_class')
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = %s and starts_with(c.relname, %s) and c.relkind = 'r'
            """,
            [schema, PREFIX],
        )
        for name, note in found:
            if time.time() - _created(note) > older_than:
                cursor.execute(f"drop table {quote_ident(schema, name)}")
                dropped.append(name)
    return sorted(dropped)


def _created(note: str | None) -> float:
    try:
        return float(json.loads(note or "")["created"])
    except (ValueError, KeyError, TypeError):
        return time.time()
