"""A table and a query on it that the tests of publication export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
LIST = Export("customer/list", query="select id, amount from book where id > 0 order by id")


def fill(lab: Lab, rows: int, factor: int = 1) -> None:
    lab.sql(
        "drop table if exists book cascade",
        f"create table book as select g id, g * {factor}.25 amount from generate_series(1, {rows}) g",
    )
    lab.options = lab.options.model_validate(lab.options.model_dump() | {"max_rows_per_file": 100})
