"""A table or materialised view at one moment: found, identified, kept from being rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.session import fetch_all, fetch_one, is_missing_relation, quote_ident


@dataclass(frozen=True)
class Relation:
    """A relation at one moment: another oid or file node means that it was rebuilt.

    :param schema: its schema.
    :param name: its name.
    :param oid: its identity in the catalogue.
    :param filenode: its file; changes with TRUNCATE, VACUUM FULL, CLUSTER, REFRESH and rewriting ALTER TABLE.
    :param kind: ``r`` for a table, ``m`` for a materialised view.
    """

    schema: str
    name: str
    oid: int
    filenode: int
    kind: str

    @property
    def sql(self) -> str:
        """The quoted name."""
        return quote_ident(self.schema, self.name)


def lock(cursor: Any, relation: Relation) -> None:
    """Keep *relation* from being rebuilt for this transaction, and check that it has not been since it was found.

    As the transaction's first query it also makes sure that the snapshot is younger than the lock: a table that was
    swapped in between would look empty to an older snapshot.

    :raises ExportSourceChangedError: it is gone, or another one.
    """
    try:
        if relation.kind == "r":
            cursor.execute(f"lock table only {relation.sql} in access share mode")
        else:
            # LOCK TABLE refuses materialised views; REFRESH writes rows that every snapshot sees.
            cursor.execute(f"select from only {relation.sql} limit 0")
    except Exception as error:
        if is_missing_relation(error):
            raise ExportSourceChangedError(f"{relation.sql} does not exist any more; plan the export again") from error
        raise
    now = fetch_one(cursor, "select %s::regclass::oid::bigint, pg_relation_filenode(%s)", [relation.sql] * 2)
    if tuple(now) != (relation.oid, relation.filenode):
        raise ExportSourceChangedError(
            f"{relation.sql} was rebuilt after the export was planned; plan the export again"
        )


def find_relation(cursor: Any, schema: str, name: str) -> Relation | None:
    """Return the table or materialised view whose pages hold all its rows and may all be read; None for others."""
    row = fetch_one(
        cursor,
        """
        select c.oid::bigint, pg_relation_filenode(c.oid), c.relkind::text
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'm') and not c.relrowsecurity
            and not exists (select from pg_inherits i where i.inhparent = c.oid)
            and has_table_privilege(c.oid, 'select')
            and exists (select from pg_am a where a.oid = c.relam and a.amname = 'heap')
        """,
        [schema, name],
    )
    return Relation(schema, name, *row) if row else None


def columns_of(cursor: Any, oid: int) -> list[tuple[str, str]]:
    """Return name and type of each column, in order."""
    return fetch_all(
        cursor,
        """
        select attname::text, format_type(atttypid, null) from pg_attribute
        where attrelid = %s and attnum > 0 and not attisdropped order by attnum
        """,
        [oid],
    )
