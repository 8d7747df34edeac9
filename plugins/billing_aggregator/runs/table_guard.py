"""Keeps a run from using what another run has built: one rule for scripts, checks and exports.

Before a transaction ends, the server is asked which tables of the report schema it has touched: its locks tell,
whatever the statements look like, also through views and functions. A table that was built carries this run's stamp
from then on, a table that was only read must carry it already. So a script needs to say nothing, and it does not matter
who marked which task as done, or which Airflow an earlier run belonged to.

What the systems publish (``<system>_results``) belongs to the run that released it. Until this run releases its own,
it may read the earlier one: audits compare with it. Behind that, the results must be its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from billing_aggregator.night.phases import BEFORE_RELEASE
from billing_aggregator.runs.report_tables import (
    BUILD_LOCK,
    READ_LOCKS,
    REFRESH_LOCK,
    SCHEMA,
    ReportTable,
    has_pages,
    held_locks,
    report_tables,
    unseen_relations,
    was_rebuilt,
    write_comment,
)
from billing_aggregator.runs.stamps import ForeignTableError, Stamp, split_comment, with_stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from billing_aggregator.postgres.protocols import Cursor

Phase = Literal["prechecks", "init", "audits", "release", "post", "export", "history", "cleanup"]
WAYS_OUT: dict[str, str] = {
    "prechecks": "a precheck reads the vaults, not what a run builds",
    "init": "clear the tasks of this run that build it, with everything downstream",
    "audits": "clear this run's init tasks with everything downstream, so that it audits its own tables",
    "release": "clear this run's init tasks with everything downstream, so that it releases its own tables",
    "post": "clear this run's init tasks with everything downstream, so that it books what it has audited itself",
    "export": "clear this run's init tasks with everything downstream to rebuild its rows, or leave it as it is",
    "history": "clear this run's init tasks with everything downstream to rebuild its rows, or leave it as it is",
    "cleanup": "leave it: that run tidies up behind itself",
}


class TableGuard:
    """Watches one transaction of a run; call :meth:`begin` at its start and :meth:`end` before its commit.

    :param stamp: what this run writes on the tables that it builds.
    :param phase: the phase that the transaction belongs to.
    :param published: names of the results tables, ``<system>_results``.
    :param exported: results table -> when it was built, of what the run has published; only these may be used then.
        None: any that the run has built.
    """

    def __init__(
        self, stamp: Stamp, phase: Phase, published: Collection[str], exported: Mapping[str, str] | None = None
    ) -> None:
        self._stamp = stamp
        self._phase = phase
        self._published = frozenset(published)
        self._exported = exported
        self._before: Mapping[int, ReportTable] = {}

    def begin(self, cursor: Cursor) -> None:
        """Remember what was there before the transaction did anything."""
        self._before = report_tables(cursor)

    def released(self, cursor: Cursor) -> dict[str, str]:
        """Return results table -> when it was built, of the tables that are this run's."""
        found = [table for table in report_tables(cursor).values() if table.name in self._published]
        return {table.name: table.stamp.built_at for table in found if table.stamp and self._is_ours(table)}

    def check(self, cursor: Cursor) -> None:
        """Refuse what a transaction that builds nothing has read of another run.

        :raises ForeignTableError: with the table's name, its run and the way out.
        """
        if unseen := unseen_relations(cursor):
            raise ForeignTableError(
                f"{', '.join(unseen)}: built by somebody else since this task started; {WAYS_OUT[self._phase]}"
            )
        self._touched(cursor, report_tables(cursor), builds=False)

    def end(self, cursor: Cursor) -> None:
        """Refuse what the transaction has used of another run; stamp what it has built.

        :raises ForeignTableError: with the table's name, its run and the way out.
        """
        now = report_tables(cursor)
        built, used = self._touched(cursor, now, builds=True)
        cursor.execute("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        stamp = replace(self._stamp, built_at=cursor.fetchone()[0])
        sources = {table.name: table.stamp.built_at for table in used if table.stamp}
        for table in built:
            own = {name: at for name, at in sources.items() if name != table.name}
            new = replace(stamp, sources=own, filled=table.unlogged and has_pages(cursor, table))
            write_comment(cursor, table, with_stamp(table.comment, new))
        for table in now.values():
            before = self._before.get(table.oid)
            if before and before.stamp and not split_comment(table.comment)[1]:
                # The script has commented a table that it did not build, such as a candidate that it renamed.
                write_comment(cursor, table, with_stamp(table.comment, before.stamp))

    def _touched(
        self, cursor: Cursor, now: Mapping[int, ReportTable], *, builds: bool
    ) -> tuple[list[ReportTable], list[ReportTable]]:
        """Return the tables that the transaction has built, and those that it has used; all of them may be."""
        built: list[ReportTable] = []
        used: list[ReportTable] = []
        for oid, modes in sorted(held_locks(cursor).items()):
            table = now.get(oid) or self._before.get(oid)
            if table is None or table.kept:
                continue
            if oid not in now:
                self._check_dropped(table, modes)
            elif builds and self._is_built(cursor, table, modes):
                built.append(table)
            else:
                self._check_used(cursor, table, now)
                used.append(table)
        return built, used

    def _is_built(self, cursor: Cursor, table: ReportTable, modes: frozenset[str]) -> bool:
        if table.oid not in self._before:
            # Without the lock it is another session's, of a script that ran side by side.
            return BUILD_LOCK in modes
        if modes <= READ_LOCKS or self._is_previous(table):
            return False
        if table.kind == "m":
            return REFRESH_LOCK in modes or table.filenode != self._before[table.oid].filenode
        return not self._is_ours(table) and was_rebuilt(cursor, self._before[table.oid], table)

    def _is_previous(self, table: ReportTable) -> bool:
        """Tell whether *table* was released before this run releases its own; a candidate that it renames was not."""
        before = self._before.get(table.oid, table)
        return before.name in self._published and self._phase in BEFORE_RELEASE

    def _is_ours(self, table: ReportTable) -> bool:
        return self._stamp.same_run(table.stamp or self._stamp_before(table))

    def _stamp_before(self, table: ReportTable) -> Stamp | None:
        """Return the stamp that a table had before this transaction commented it."""
        before = self._before.get(table.oid)
        return before.stamp if before else None

    def _check_used(self, cursor: Cursor, table: ReportTable, now: Mapping[int, ReportTable]) -> None:
        if self._is_previous(table):
            return
        if not self._is_ours(table):
            raise self._foreign(table)
        stamp = table.stamp or self._stamp_before(table)
        if self._exported is not None and table.name in self._published:
            self._check_exported(table, stamp)
        if stamp is not None and stamp.filled and table.unlogged and not has_pages(cursor, table):
            raise ForeignTableError(
                f"{SCHEMA}.{table.name} is empty since the server has crashed or was failed over (it is unlogged); "
                f"{WAYS_OUT['init']}"
            )
        if self._phase in BEFORE_RELEASE and (stale := _stale(table, now)):
            raise ForeignTableError(
                f"{SCHEMA}.{table.name} was built from {SCHEMA}.{stale}, which was built again since; "
                f"clear {stamp.script if stamp else 'the task that builds it'} with everything downstream"
            )

    def _check_exported(self, table: ReportTable, stamp: Stamp | None) -> None:
        published = (self._exported or {}).get(table.name)
        if stamp is None or stamp.built_at != published:
            when = "released it again since" if published else "has not published it"
            raise ForeignTableError(
                f"{SCHEMA}.{table.name} is not what readers have: this run {when}; clear publish with everything "
                "downstream, so that what is kept is what was published"
            )

    def _check_dropped(self, table: ReportTable, modes: frozenset[str]) -> None:
        """Refuse to read what another run built before dropping it, and to clean up behind a later run."""
        if self._is_ours(table):
            return
        if self._phase == "cleanup":
            own = self._latest_own()
            theirs = table.stamp
            if theirs is None or (own is not None and theirs.built_at < own):
                return
            raise self._foreign(table)
        if modes & READ_LOCKS and not self._is_previous(table):
            raise self._foreign(table)

    def _latest_own(self) -> str | None:
        """Return when this run built the last of its tables that are still there; None without any."""
        own = [t.stamp.built_at for t in self._before.values() if t.stamp and self._stamp.same_run(t.stamp)]
        return max(own, default=None)

    def _foreign(self, table: ReportTable) -> ForeignTableError:
        stamp = table.stamp or self._stamp_before(table)
        if stamp is None:
            return ForeignTableError(
                f"{SCHEMA}.{table.name} was built by no run: a run uses only tables that it built itself. Build it by "
                "an init script, or keep it in a schema of its own"
            )
        return ForeignTableError(
            f"{SCHEMA}.{table.name} was built by {stamp}, this is {self._stamp}; {WAYS_OUT[self._phase]}"
        )


def _stale(table: ReportTable, now: Mapping[int, ReportTable]) -> str | None:
    """Return a table that *table* was built from, directly or not, and that was built again afterwards."""
    by_name = {found.name: found for found in now.values()}
    waiting, seen = [table], {table.name}
    while waiting:
        stamp = waiting.pop().stamp
        for name, built_at in (stamp.sources if stamp else {}).items():
            source = by_name.get(name)
            if source is None or source.kept:
                continue
            if source.stamp is not None and source.stamp.built_at != built_at:
                return name
            if name not in seen:
                seen.add(name)
                waiting.append(source)
    return None
