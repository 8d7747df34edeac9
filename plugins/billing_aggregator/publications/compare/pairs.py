"""Pairs the differing rows of two sides by their key and counts what differs, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.publications.compare.numbers import canonical, within
from billing_aggregator.publications.compare.result import ColumnDifference, RowDifferences

if TYPE_CHECKING:
    from billing_aggregator.publications.compare.engine import Engine
    from billing_aggregator.publications.compare.table import Table


def paired(engine: Engine, table: Table, sample_rows: int) -> RowDifferences:
    """Return what differs between the tables ``left_a`` and ``left_b``; *equal* is not known here."""
    if not table.key:
        return _unpaired(engine, table, sample_rows)
    keys = [_keyed(table, column) for column in table.key]
    over = ", ".join(keys)
    for side in ("a", "b"):
        engine.run(
            f"create or replace table numbered as select rowid as line, "
            f"row_number() over (partition by {over} order by rowid) as nth from left_{side}"
        )
        named = ", ".join(f"{key} as k{number}" for number, key in enumerate(keys))
        engine.run(
            f"create or replace table keyed_{side} as select r.*, {named}, numbered.nth "
            f"from left_{side} as r inner join numbered on r.rowid = numbered.line"
        )
    same = " and ".join(f"a.k{n} is not distinct from b.k{n}" for n in range(len(keys)))
    differs = ", ".join(f"not ({_same(table, n, column)}) as d{n}" for n, column in enumerate(table.columns))
    columns = range(len(table.columns))
    both = ", ".join(f"a.c{n} as a{n}, b.c{n} as b{n}" for n in columns)
    engine.run(
        f"create or replace table pairs as select a.nth as in_a, b.nth as in_b, {both}, {differs} "
        f"from keyed_a as a full outer join keyed_b as b on a.nth = b.nth and {same}"
    )
    any_differs = " or ".join(f"d{n}" for n in columns)
    changed, within_tolerance, only_a, only_b = engine.run(
        f"select {_count(f'in_a is not null and in_b is not null and ({any_differs})')}, "
        f"{_count(f'in_a is not null and in_b is not null and not ({any_differs})')}, "
        f"{_count('in_b is null')}, {_count('in_a is null')} from pairs"
    )[0]
    many = " union ".join(
        f"select {', '.join(f'k{n}' for n in range(len(keys)))} from keyed_{side} where nth = 2" for side in ("a", "b")
    )
    return RowDifferences(
        equal=0,
        within_tolerance=within_tolerance,
        changed=changed,
        only_in_a=only_a,
        only_in_b=only_b,
        ambiguous_keys=engine.value(f"select count(*) from ({many})"),
        columns=_columns(engine, table) if changed else {},
        samples=_samples(engine, table, any_differs, sample_rows),
        samples_a=_lonely(engine, table, "a", sample_rows),
        samples_b=_lonely(engine, table, "b", sample_rows),
    )


def _count(condition: str) -> str:
    return f"count(*) filter (where {condition})"


def _keyed(table: Table, column: str) -> str:
    return canonical(table.place(column)) if column in table.numbers else table.place(column)


def _same(table: Table, number: int, column: str) -> str:
    a, b = f"a.c{number}", f"b.c{number}"
    same = f"{a} is not distinct from {b}"
    if column in table.numbers:
        same += f" or coalesce({canonical(a)} = {canonical(b)}, false)"
    if column in table.tolerances:
        same += f" or {within(a, b, table.tolerances[column])}"
    return same


def _columns(engine: Engine, table: Table) -> dict[str, ColumnDifference]:
    counts = ", ".join(
        f"{_count(f'd{n}')}, {_count(_null_or_empty(f'a{n}', f'b{n}'))}" for n in range(len(table.columns))
    )
    found = engine.run(f"select {counts} from pairs where in_a is not null and in_b is not null")[0]
    return {
        column: ColumnDifference(found[2 * n], found[2 * n + 1])
        for n, column in enumerate(table.columns)
        if found[2 * n]
    }


def _null_or_empty(a: str, b: str) -> str:
    return f"({a} is null and {b} = '') or ({b} is null and {a} = '')"


def _samples(
    engine: Engine, table: Table, any_differs: str, limit: int
) -> tuple[tuple[dict[str, str | None], dict[str, tuple[str | None, str | None]]], ...]:
    columns = range(len(table.columns))
    chosen = ", ".join(f"a{n}, b{n}, d{n}" for n in columns)
    order = ", ".join(f"a{table.columns.index(column)}" for column in table.key)
    rows = engine.run(
        f"select {chosen} from pairs where in_a is not null and in_b is not null and ({any_differs}) "
        f"order by {order}, in_a limit {limit}"
    )
    return tuple((_key(table, row), _differing(table, row)) for row in rows)


def _key(table: Table, row: tuple[Any, ...]) -> dict[str, str | None]:
    return {column: row[3 * table.columns.index(column)] for column in table.key}


def _differing(table: Table, row: tuple[Any, ...]) -> dict[str, tuple[str | None, str | None]]:
    return {c: (row[3 * n], row[3 * n + 1]) for n, c in enumerate(table.columns) if row[3 * n + 2]}


def _lonely(engine: Engine, table: Table, side: str, limit: int) -> tuple[dict[str, str | None], ...]:
    other = "b" if side == "a" else "a"
    names = [f"{side}{table.columns.index(column)}" for column in table.key]
    chosen = ", ".join(names)
    rows = engine.run(f"select {chosen} from pairs where in_{other} is null order by {chosen}, in_{side} limit {limit}")
    return tuple(dict(zip(table.key, row, strict=True)) for row in rows)


def _unpaired(engine: Engine, table: Table, limit: int) -> RowDifferences:
    """Return rows that only one side has; without a key nobody knows which of them belong together."""
    samples = {
        side: tuple(
            dict(zip(table.columns, row, strict=True))
            for row in engine.run(f"select * from left_{side} order by rowid limit {limit}")
        )
        for side in ("a", "b")
    }
    return RowDifferences(
        equal=0,
        only_in_a=engine.value("select count(*) from left_a"),
        only_in_b=engine.value("select count(*) from left_b"),
        samples_a=samples["a"],
        samples_b=samples["b"],
    )
