"""Freezes a query's result in an unlogged table, so that it can be cut, read in parallel and compared later."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from billing_aggregator.export.session import fetch_all, quote_ident, quote_literal, transaction
from billing_aggregator.export.source import Source, SourceError, column_names, find_table

if TYPE_CHECKING:
    from billing_aggregator.export.keys import Run

PREFIX = "aggregator_export_"


def staging_name(run: Run, export: str) -> str:
    """Return the table's name: the same for each try of one run's export, another one for any other."""
    identity = json.dumps([run.to_json(), export], sort_keys=True)
    return PREFIX + hashlib.sha256(identity.encode()).hexdigest()[:24]


def freeze_query(connection: Any, schema: str, query: str, run: Run, export: str, *, timeout: float) -> Source:
    """Create the staging table anew from *query*, in the query's order, and return it as a source.

    :param timeout: seconds for the statement; 0 means none.
    """
    name = staging_name(run, export)
    table = quote_ident(schema, name)
    with transaction(connection, statement_timeout=timeout, write=True) as cursor:
        column_names(cursor, query)
        cursor.execute(f"drop table if exists {table}")
        cursor.execute(f"create unlogged table {table} as {query}")
        note = json.dumps({"run": run.run_id, "export": export, "created": round(time.time())})
        cursor.execute(f"comment on table {table} is {quote_literal(note)}")
        source = find_table(cursor, schema, name)
    if source is None:
        raise SourceError(f"{table} was frozen for export {export} but is no plain table")
    return Source(source.relation, source.columns, staging=True)


def drop_staging(connection: Any, source: Source, *, timeout: float) -> None:
    """Drop the source's staging table; does nothing for other sources or when it is gone."""
    if source.staging and source.relation.name.startswith(PREFIX):
        with transaction(connection, statement_timeout=timeout, write=True) as cursor:
            cursor.execute(f"drop table if exists {source.relation.sql}")


def sweep_staging(connection: Any, schema: str, *, older_than: float, timeout: float) -> list[str]:
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
