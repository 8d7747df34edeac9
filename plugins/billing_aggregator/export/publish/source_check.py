"""Asks the database, in one statement, whether a relation still is what was exported."""

from __future__ import annotations

from contextlib import closing
from decimal import Context, Decimal
from functools import reduce
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.relation import lock_relation
from billing_aggregator.export.transaction import fetch_one, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing_aggregator.export.copy.chunk import ChunkState
    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.postgres.protocols import Connection

#: As many digits as a numeric can have; Infinity - Infinity is NaN, as it is in Postgres.
EXACT = Context(prec=200_000, traps=[])


def verify_source(
    connect: Callable[[], Connection], plan: ExportPlan, states: Sequence[ChunkState], *, timeout: float
) -> dict[str, str]:
    """Check rows, control totals and age of all rows against the plan; return the control totals.

    Inserted and updated rows are such as the plan did not see, deleted rows show in the count, and a rebuilt relation
    has another file: see docs/export.md, "How a changed table is noticed".

    :raises ExportSourceChangedError: something differs.
    """
    source = plan.source
    with closing(connect()) as connection, transaction(connection, statement_timeout=timeout) as cursor:
        lock_relation(cursor, source.relation)
        columns = f"count(*), count(*) filter (where {plan.snapshot.unseen(cursor)}){source.totals_columns()}"
        rows, changed, *sums = fetch_one(cursor, f"select {columns} from only {source.relation.sql}")
    if changed or rows != plan.rows:
        raise ExportSourceChangedError(
            f"{plan.name}: {source.relation.sql} was written to after the export was planned: {plan.rows} rows were "
            f"planned, {rows} are there, {changed} of them newer than the plan; run the export again from its plan"
        )
    totals = source.totals(sums)
    _compare(plan, states, totals)
    return totals


def _compare(plan: ExportPlan, states: Sequence[ChunkState], totals: dict[str, str]) -> None:
    """Compare the chunks' own totals, where they were taken, with those of the whole relation."""
    if not plan.options.chunk_totals or not states:
        return
    for name, total in totals.items():
        summed = reduce(EXACT.add, (Decimal((state.totals or {})[name]) for state in states))
        if EXACT.compare_total(summed.normalize(EXACT), Decimal(total).normalize(EXACT)):
            raise ExportSourceChangedError(
                f"{plan.name}: the chunks' {name} add up to {summed}, the relation's is {total}"
            )
