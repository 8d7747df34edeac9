"""The rows of two sides: equal ones are left out early, the rest is divided into parts that fit into memory.

1. Each side is read once, and a digest of each row is kept. What both sides have equally often is equal, whatever its
   order: mostly that is all there is to do.
2. The sides are read once more. Rows whose digest only one side has, or has more often, go to the temporary folder,
   divided into parts by a hash of their key: partners meet in one part. Where most rows differ, all go there.
3. Part by part, rows of one key are paired, and what differs is counted: ``pairs.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.pairs import pair_part
from billing_aggregator.publications.compare.parts import Parts
from billing_aggregator.publications.compare.result import RowDifferences
from billing_aggregator.publications.compare.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.publications.compare.engine import Engine, Reading
    from billing_aggregator.publications.compare.table import Table

#: What the engine keeps of a digest that it looks rows up by, in bytes, and for how much of its memory it may do so.
DIGEST_BYTES = 64
DIGESTS_SHARE = 4


def count_rows(engine: Engine, sides: Sequence[Reading]) -> tuple[int, int]:
    """Read both sides, keep the digests of their rows, and return how many there are."""
    for side, source in zip("ab", sides, strict=True):
        engine.run(
            f"create or replace table digests_{side} as select md5_number(row) as h, strlen(row) as size "
            f"from (select {source.as_json} as row from {source.source})"
        )
    return engine.value("select count(*) from digests_a"), engine.value("select count(*) from digests_b")


def compare_rows(engine: Engine, table: Table, sides: Sequence[Reading], sample_rows: int) -> RowDifferences:
    """Return what differs between the rows whose digests :func:`count_rows` has kept."""
    engine.run(
        "create or replace table surplus as select h, sum(d)::bigint as d from "
        "(select h, 1 as d from digests_a union all select h, -1 from digests_b) group by h having sum(d) <> 0"
    )
    rows_a, rows_b = engine.value("select count(*) from digests_a"), engine.value("select count(*) from digests_b")
    digests, surplus = engine.run("select count(*), coalesce(sum(abs(d)), 0)::bigint from surplus")[0]
    if not surplus:
        return RowDifferences(equal=rows_a)
    fits = digests * DIGEST_BYTES * DIGESTS_SHARE <= engine.memory_bytes
    some = fits and 2 * surplus < rows_a + rows_b
    width = engine.value("select avg(size) from (select size from digests_a union all select size from digests_b)")
    parts = Parts.of(engine, table, rows=surplus if some else rows_a + rows_b, row_bytes=int(width))
    for side, source in zip("ab", sides, strict=True):
        parts.write(side, source, "surplus" if some else None)
    engine.run("drop table surplus; drop table digests_a; drop table digests_b")
    tally = Tally(table, sample_rows)
    for _ in parts.each():
        pair_part(engine, table, tally)
    return tally.differences(rows_a)
