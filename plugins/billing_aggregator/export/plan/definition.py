"""What a relation's CSV depends on apart from its rows: columns, types, enumeration labels, views in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing_aggregator.export.plan.formulas import IS_TEXT
from billing_aggregator.export.transaction import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.postgres.protocols import Cursor

#: The types of a relation's columns with all that they are made of: elements, attributes, base types, bounds.
PARTS = """
    with recursive parts (attnum, oid) as (
        select attnum, atttypid from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped
        union
        select parts.attnum, part.oid
        from parts cross join lateral (
            select typelem from pg_type where oid = parts.oid
            union all
            select typbasetype from pg_type where oid = parts.oid
            union all
            select rngsubtype from pg_range where parts.oid in (rngtypid, rngmultitypid)
            union all
            select a.atttypid
            from pg_type t join pg_attribute a on a.attrelid = t.typrelid
            where t.oid = parts.oid and a.attnum > 0 and not a.attisdropped
        ) as part (oid)
        where part.oid <> 0
    )
"""
# A label's xmin shows that it was renamed, also when it has its old name again.
DIGEST = f"""
    {PARTS},
    lines as (
        select concat_ws(
            ' ', 'column', attnum, attisdropped, attname, atttypid, atttypmod, attgenerated,
            case when attgenerated <> '' then (
                select adbin::text from pg_attrdef where adrelid = attrelid and adnum = attnum
            ) end
        ) as line
        from pg_attribute where attrelid = %s and attnum > 0
        union all
        select concat_ws(' ', 'relation', relrowsecurity) from pg_class where oid = %s
        union all
        select concat_ws(' ', 'type', oid, typtype, typoutput, typelem, typbasetype)
        from pg_type where oid in (select oid from parts)
        union all
        select concat_ws(' ', 'attribute', t.oid, a.attnum, a.attisdropped, a.atttypid, a.atttypmod)
        from pg_type t join pg_attribute a on a.attrelid = t.typrelid
        where t.oid in (select oid from parts) and a.attnum > 0
        union all
        select concat_ws(' ', 'label', enumtypid, oid, enumlabel, xmin)
        from pg_enum where enumtypid in (select oid from parts)
        union all
        select concat_ws(
            ' ', 'view', v.oid, v.relnamespace, v.relname, encode(sha256(convert_to(r.ev_action::text, 'UTF8')), 'hex')
        )
        from pg_class v join pg_rewrite r on r.ev_class = v.oid where v.oid = any(%s::oid[])
    )
    select encode(sha256(convert_to(string_agg(line, e'\\n' order by line collate "C"), 'UTF8')), 'hex') from lines
"""
# Not fixed: types that show the names of other objects, and types whose output function is not immutable.
COLUMNS = f"""
    {PARTS}
    select
        a.attnum::integer, a.attname::text, format_type(a.atttypid, null),
        format_type(a.atttypid, a.atttypmod), not a.attnotnull, coalesce(col_description(a.attrelid, a.attnum), ''),
        a.attgenerated <> 'v' and not exists (
            select from parts join pg_type t on t.oid = parts.oid join pg_proc p on p.oid = t.typoutput
            where parts.attnum = a.attnum and t.typtype = 'b' and case
                when t.typnamespace = 'pg_catalog'::regnamespace then t.typname like 'reg%%' or t.typname = 'aclitem'
                else t.typelem = 0 and p.provolatile <> 'i'
            end
        ),
        exists (select from pg_type t where t.oid = a.atttypid and {IS_TEXT})
    from pg_attribute a
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
# Null for (0, 0), which is what the driver says of a computed column.
ORIGINS = """
    select coalesce(col_description(origin.oid, origin.number), '')
    from unnest(%s::oid[], %s::integer[]) with ordinality as origin (oid, number, place) order by origin.place
"""


class TableColumn(NamedTuple):
    """A column of a relation.

    :param number: its attribute number, which stays when it is renamed.
    :param kind: its type's name, e.g. ``numeric``.
    :param type: its type with lengths and digits, e.g. ``numeric(20,2)``.
    :param nullable: False where the table declares ``not null``.
    :param description: its comment (``comment on column``); empty for none.
    :param fixed: whether its text depends on nothing but the row and what :func:`definition_of` covers. Not fixed are
        virtual generated columns and types that show the names of other objects (``regclass``).
    :param is_text: whether its values are texts, see :mod:`billing_aggregator.export.plan.formulas`.
    """

    number: int
    name: str
    kind: str
    type: str
    nullable: bool
    description: str
    fixed: bool
    is_text: bool


def columns_of(cursor: Cursor, oid: int) -> list[TableColumn]:
    """Return the columns of the relation in order."""
    return [TableColumn(*row) for row in fetch_all(cursor, COLUMNS, [oid, oid])]


def describe_origins(cursor: Cursor, origins: Sequence[tuple[int, int]]) -> list[str]:
    """Return the comment of each column, given as relation's oid and attribute number; empty for (0, 0) or none."""
    found = fetch_all(cursor, ORIGINS, [[oid for oid, _ in origins], [number for _, number in origins]])
    return [str(text) for (text,) in found]


def definition_of(cursor: Cursor, oid: int, views: Sequence[int]) -> str:
    """Return the SHA-256 of the relation's definition, hexadecimal; while it stays the same, so do text and names.

    :param views: oids of the views through which the relation is read.
    """
    return str(fetch_one(cursor, DIGEST, [oid, oid, oid, list(views)])[0])
