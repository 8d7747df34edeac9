"""A table of many small rows and one of large rows, and how they are exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from tests.exporting import Lab

SMALL = Export("small", table=("public", "small_rows"))
LARGE = Export("large", table=("public", "large_rows"))
FROZEN = Export("small", query="select id from small_rows order by id desc")
MIB = 1 << 20


def fill(lab: Lab, rows: int) -> None:
    lab.sql(
        "drop table if exists small_rows",
        f"create table small_rows as select g as id from generate_series(1, {rows}) g",
    )
