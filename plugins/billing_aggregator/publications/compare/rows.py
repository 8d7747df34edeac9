"""The rows of two sides: equal ones cancel each other, the rest is paired by key.

1. Each side's rows are reduced to digests; what both sides have equally often is equal, whatever its order.
2. The rows that are left are read once more. Those whose numbers are only written in another way cancel too.
3. What is left now differs. Rows of one key are partners; where a key occurs more than once, in the order of the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.engine import Engine, Reading, row_digest
from billing_aggregator.publications.compare.numbers import canonical
from billing_aggregator.publications.compare.pairs import paired
from billing_aggregator.publications.compare.result import RowDifferences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.publications.compare.table import Table


def count_rows(engine: Engine, sides: Sequence[Reading]) -> tuple[int, int]:
    """Read both sides, keep the digests of their rows, and return how many there are."""
    for side, source in zip("ab", sides, strict=True):
        engine.run(f"create or replace table digests_{side} as select {source.digest} as h from {source.source}")
    return engine.value("select count(*) from digests_a"), engine.value("select count(*) from digests_b")


def compare_rows(engine: Engine, table: Table, sides: Sequence[Reading], sample_rows: int) -> RowDifferences:
    """Return what differs between the rows whose digests :func:`count_rows` has kept."""
    total = engine.value("select count(*) from digests_a")
    engine.run(_surplus("digests_a", "digests_b"))
    if not engine.value("select count(*) from surplus"):
        return RowDifferences(equal=total)
    for side, source in zip("ab", sides, strict=True):
        rows = f"(select {source.columns}, {source.digest} as h from {source.source})"
        _keep_surplus(engine, side, rows)
    rewritten = _cancel_rewritten(engine, table)
    equal = total - engine.value("select count(*) from left_a")
    found = paired(engine, table, sample_rows)
    return RowDifferences(
        equal=equal + found.within_tolerance,
        written_differently=rewritten,
        within_tolerance=found.within_tolerance,
        changed=found.changed,
        only_in_a=found.only_in_a,
        only_in_b=found.only_in_b,
        ambiguous_keys=found.ambiguous_keys,
        columns=found.columns,
        samples=found.samples,
        samples_a=found.samples_a,
        samples_b=found.samples_b,
    )


def _surplus(a: str, b: str) -> str:
    """Return SQL that keeps the digests that one side has more often: *d* times in A if positive, else in B."""
    return (
        f"create or replace table surplus as select h, sum(d)::bigint as d from "
        f"(select h, 1 as d from {a} union all select h, -1 from {b}) group by h having sum(d) <> 0"
    )


def _keep_surplus(engine: Engine, side: str, rows: str) -> None:
    """Keep the rows of one side that have no equal partner as ``left_<side>``, in the order of the files.

    Only digests are numbered and sorted: the rows themselves are wide.

    :param rows: SQL of the rows with their digest ``h``.
    """
    sign = "" if side == "a" else "-"
    engine.run(
        f"create or replace table met as select r.* from {rows} as r "
        f"inner join surplus as s on r.h = s.h and {sign}s.d > 0"
    )
    engine.run(
        "create or replace table chosen as select line from ("
        f"select m.rowid as line, {sign}s.d as most, row_number() over (partition by m.h order by m.rowid) as place "
        "from met as m inner join surplus as s on m.h = s.h) where place <= most"
    )
    engine.run(
        f"create or replace table left_{side} as select m.* exclude (h) from met as m "
        "where m.rowid in (select line from chosen)"
    )


def _cancel_rewritten(engine: Engine, table: Table) -> int:
    """Remove the rows whose numbers both sides only write in another way; return how many there were."""
    if not table.numbers:
        return 0
    values = [canonical(f"c{n}") if column in table.numbers else f"c{n}" for n, column in enumerate(table.columns)]
    digest = row_digest(values)
    engine.run(_surplus(f"(select {digest} as h from left_a)", f"(select {digest} as h from left_b)"))
    before = engine.value("select count(*) from left_a")
    for side in ("a", "b"):
        _keep_surplus(engine, side, f"(select *, {digest} as h from left_{side})")
    return int(before - engine.value("select count(*) from left_a"))
