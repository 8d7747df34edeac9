"""What lies in the report schema, and what a transaction has touched of it, as the server's own catalogues say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.runs.stamps import Stamp
from billing_aggregator.sql.report_schema import REPORT_SCHEMA

if TYPE_CHECKING:
    from billing_aggregator.postgres.protocols import Cursor

SCHEMA = REPORT_SCHEMA
# Tables that belong to no single run: the aggregator's own, the history, frozen queries (named after their run).
KEPT_PREFIXES = ("aggregator_", "history_")
READ_LOCKS = frozenset({"AccessShareLock", "RowShareLock"})
BUILD_LOCK = "AccessExclusiveLock"
# Of a materialised view that is refreshed while others read it.
REFRESH_LOCK = "ExclusiveLock"
TABLES = """
select
    c.oid::bigint, c.relname::text, c.relkind::text, coalesce(c.relfilenode, 0)::bigint,
    c.relpersistence = 'u' and c.relkind = 'r', obj_description(c.oid, 'pg_class'),
    coalesce(pg_stat_get_xact_tuples_inserted(c.oid), 0)::bigint,
    coalesce(pg_stat_get_xact_tuples_updated(c.oid), 0)::bigint
from pg_class as c
where c.relnamespace = to_regnamespace('report_oibl') and c.relkind in ('r', 'p', 'm')
"""
# A statement holds its locks until its transaction ends, also those on what views and functions read.
LOCKS = """
select relation::bigint, mode from pg_locks
where
    locktype = 'relation' and pid = pg_backend_pid() and granted
    and database = (select oid from pg_database where datname = current_database())
"""
# Only a snapshot that is kept can miss a table: a statement with one of its own misses none but those that its
# transaction has dropped itself, such as the frozen copy of an attempt before this one.
UNSEEN = """
select relation::regclass::text from pg_locks
where
    current_setting('transaction_isolation') <> 'read committed'
    and locktype = 'relation' and pid = pg_backend_pid() and granted
    and database = (select oid from pg_database where datname = current_database())
    and not exists (select from pg_class where oid = relation)
order by 1
"""
ROWS = """
select exists (select from only {table}),
    exists (select from only {table} as t where age(t.xmin) > age(pg_current_xact_id()::xid))
"""


@dataclass(frozen=True)
class ReportTable:
    """A table of the report schema at one moment.

    :param kind: ``r`` for a table, ``p`` for a partitioned one, ``m`` for a materialised view.
    :param filenode: its file; a refreshed materialised view has another one.
    :param unlogged: the server empties it after a crash and on a promoted standby.
    :param comment: its whole comment.
    :param inserted: rows that the session has inserted; only the difference within one transaction says something.
    :param updated: rows that the session has updated, likewise.
    """

    oid: int
    name: str
    kind: str
    filenode: int
    unlogged: bool
    comment: str | None
    inserted: int
    updated: int

    @property
    def stamp(self) -> Stamp | None:
        """The stamp in the table's comment."""
        return Stamp.read(self.comment)

    @property
    def kept(self) -> bool:
        """Whether the table belongs to no single run."""
        return self.name.startswith(KEPT_PREFIXES)


def report_tables(cursor: Cursor) -> dict[int, ReportTable]:
    """Return oid -> table of all tables in the report schema, as the transaction sees them now."""
    cursor.execute(TABLES)
    return {row[0]: ReportTable(*row) for row in cursor.fetchall()}


def held_locks(cursor: Cursor) -> dict[int, frozenset[str]]:
    """Return oid -> lock modes of the relations that the transaction has touched so far."""
    cursor.execute(LOCKS)
    found: dict[int, set[str]] = {}
    for oid, mode in cursor.fetchall():
        found.setdefault(oid, set()).add(mode)
    return {oid: frozenset(modes) for oid, modes in found.items()}


def unseen_relations(cursor: Cursor) -> list[str]:
    """Return the names of relations that the transaction has touched and its kept snapshot does not see.

    Names are looked up as they are now. A snapshot that is older than a table sees the table empty.
    """
    cursor.execute(UNSEEN)
    return [name for (name,) in cursor.fetchall()]


def has_pages(cursor: Cursor, table: ReportTable) -> bool:
    """Tell whether a table that the transaction has locked holds anything; without the lock this could wait."""
    cursor.execute("select pg_relation_size(%s::oid::regclass) > 0", [table.oid])
    return bool(cursor.fetchone()[0])


def was_rebuilt(cursor: Cursor, before: ReportTable, now: ReportTable) -> bool:
    """Tell whether the transaction has replaced all rows of a table, and built on none of them.

    All rows are then its own, and none is an earlier row that was updated or rewritten (by ALTER TABLE).
    """
    if now.updated != before.updated:
        return False
    quoted = now.name.replace('"', '""')
    cursor.execute(ROWS.format(table=f'{SCHEMA}."{quoted}"'))
    filled, has_earlier_rows = cursor.fetchone()
    return not filled or (not has_earlier_rows and now.inserted > before.inserted)


def write_comment(cursor: Cursor, table: ReportTable, comment: str) -> None:
    """Set a table's comment; the server quotes the name and the text."""
    cursor.execute(
        "select format('comment on %%s %%I.%%I is %%L', case c.relkind when 'm' then 'materialized view' "
        "else 'table' end, 'report_oibl', c.relname, %s::text) "
        "from pg_class as c where c.oid = %s",
        [comment, table.oid],
    )
    cursor.execute(cursor.fetchone()[0])
