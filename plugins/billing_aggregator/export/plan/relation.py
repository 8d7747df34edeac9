"""A table or materialised view at one moment: found, identified, kept from being rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.definition import definition_of
from billing_aggregator.export.transaction import fetch_one, is_missing_relation, quote_ident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.postgres.protocols import Cursor


@dataclass(frozen=True)
class Relation:
    """A relation at one moment: another oid or file node means that it was rebuilt.

    :param schema: its schema.
    :param name: its name.
    :param oid: its identity in the catalogue.
    :param filenode: its file; changes with TRUNCATE, VACUUM FULL, CLUSTER, REFRESH and rewriting ALTER TABLE.
    :param kind: ``r`` for a table, ``m`` for a materialised view.
    :param views: oids of the views through which it is read.
    :param definition: digest of its columns, their types, and the views.
    """

    schema: str
    name: str
    oid: int
    filenode: int
    kind: str
    views: tuple[int, ...]
    definition: str

    @property
    def sql(self) -> str:
        """The quoted name."""
        return quote_ident(self.schema, self.name)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the relation of ``asdict``'s values."""
        return cls(**values | {"views": tuple(values["views"])})


def lock_relation(cursor: Cursor, relation: Relation) -> None:
    """Keep *relation* from being rebuilt or altered for this transaction, and check that it is the one that was found.

    As the transaction's first query it also makes sure that the snapshot is younger than the lock: a table that was
    swapped in between would look empty to an older snapshot.

    :raises ExportSourceChangedError: it is gone, another one, or defined in another way.
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
    if definition_of(cursor, relation.oid, relation.views) != relation.definition:
        raise ExportSourceChangedError(
            f"{relation.sql} was altered after the export was planned: its columns, their types, labels of its "
            "enumerations, or a view through which it is read; plan the export again"
        )


def find_relation(cursor: Cursor, oid: int, views: Sequence[int] = ()) -> Relation | None:
    """Return the table or materialised view whose pages hold all its rows and may all be read; None for others.

    :param views: oids of the views through which it is read.
    """
    row = fetch_one(
        cursor,
        """
        select n.nspname::text, c.relname::text, c.oid::bigint, pg_relation_filenode(c.oid), c.relkind::text
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.oid = %s and c.relkind in ('r', 'm') and c.relpersistence <> 't' and not c.relrowsecurity
            and not exists (select from pg_inherits i where i.inhparent = c.oid)
            and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
            and exists (select from pg_am a where a.oid = c.relam and a.amname = 'heap')
        """,
        [oid],
    )
    if row is None:
        return None
    schema, name, oid, filenode, kind = row
    return Relation(schema, name, oid, filenode, kind, tuple(views), definition_of(cursor, oid, views))
