"""Pairs the rows of one part by their key and counts what differs, column by column.

A key that each side has once makes a pair. Where a side has a key more often, equal rows cancel each other, then those
whose numbers are only written in another way; what is left is paired in the order of its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.engine import row_digest
from billing_aggregator.publications.compare.numbers import canonical, within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing_aggregator.publications.compare.engine import Engine
    from billing_aggregator.publications.compare.table import Table
    from billing_aggregator.publications.compare.tally import Tally

BOTH = "in_a is not null and in_b is not null"
#: Of a pair and a column: nothing differs; something does; NULL stands against an empty text.
SAME, DIFFERS, NULL_OR_EMPTY = range(3)


def pair_part(engine: Engine, table: Table, tally: Tally) -> None:
    """Add what differs between the tables ``part_a`` and ``part_b`` to *tally*."""
    _number(engine, table, tally)
    differs = ", ".join(f"{_differs(table, n, tolerated=True)} as d{n}" for n in range(len(table.columns)))
    strictly = [_differs(table, table.columns.index(column), tolerated=False) for column in table.tolerances]
    words = [f"a.c{n} is distinct from b.c{n}" for n, column in enumerate(table.columns) if column in table.numbers]
    engine.run(
        "create or replace temp table pairs as "
        f"select a.line as in_a, b.line as in_b, coalesce(a.nth, b.nth) as nth, {differs}, "
        f"{_any(f'{each} > {SAME}' for each in strictly)} as beyond, {_any(words)} as other_words "
        f"from {_left('a')} as a full outer join {_left('b')} as b on a.k = b.k and a.nth = b.nth"
    )
    _count(engine, table, tally)
    if tally.limit:
        _sample_changed(engine, table, tally)
        for side, other in (("a", "b"), ("b", "a")):
            _sample_lonely(engine, table, tally, side, other)


def _number(engine: Engine, table: Table, tally: Tally) -> None:
    """Make the tables ``many_a`` and ``many_b``: rows of keys that are there more than once, with their number."""
    repeated = " union ".join(f"select k from part_{side} group by k having count(*) > 1" for side in "ab")
    engine.run(f"create or replace temp table repeated as {repeated}")
    values = [f"c{n}" for n in range(len(table.columns))]
    numbers = [canonical(v) if c in table.numbers else v for c, v in zip(table.columns, values, strict=True)]
    for side in "ab":
        engine.run(
            f"create or replace temp table met_{side} as "
            f"select rowid as line, {row_digest(values)} as h, {row_digest(numbers)} as g "
            f"from part_{side} where k in (select k from repeated)"
        )
    _cancel(engine, "h")
    tally.rewritten += _cancel(engine, "g")
    for side in "ab":
        engine.run(
            f"create or replace temp table many_{side} as select p.rowid as line, p.k, "
            f"row_number() over (partition by p.k order by {', '.join(f'p.{v}' for v in values)}) as nth "
            f"from part_{side} as p inner join met_{side} as m on p.rowid = m.line"
        )
    tally.ambiguous += engine.value(
        "select count(*) from (select k from many_a where nth = 2 union select k from many_b where nth = 2)"
    )


def _cancel(engine: Engine, digest: str) -> int:
    """Remove rows of which both sides have one with this digest; return how many pairs there were."""
    numbered = {
        side: f"(select line, {digest} as v, row_number() over (partition by {digest} order by line) as nth "
        f"from met_{side})"
        for side in "ab"
    }
    engine.run(
        f"create or replace temp table gone as select a.line as in_a, b.line as in_b "
        f"from {numbered['a']} as a inner join {numbered['b']} as b on a.v = b.v and a.nth = b.nth"
    )
    for side in "ab":
        engine.run(f"delete from met_{side} where line in (select in_{side} from gone)")
    return int(engine.value("select count(*) from gone"))


def _left(side: str) -> str:
    """Return SQL of the rows that may have a partner, with their number among those of their key."""
    return (
        f"(select p.*, p.rowid as line, coalesce(m.nth, 1) as nth from part_{side} as p "
        f"left join many_{side} as m on p.rowid = m.line left join repeated as r on p.k = r.k "
        "where r.k is null or m.line is not null)"
    )


def _differs(table: Table, number: int, *, tolerated: bool) -> str:
    """Return SQL of :data:`SAME`, :data:`DIFFERS` or :data:`NULL_OR_EMPTY`; costs most where texts are not the same."""
    a, b, column = f"a.c{number}", f"b.c{number}", table.columns[number]
    cases = f"when {a} is null or {b} is null then case coalesce({a}, {b}) when '' then 2 else 1 end "
    if column in table.numbers:
        cases += f"when {canonical(a)} = {canonical(b)} then 0 "
    if tolerated and column in table.tolerances:
        cases += f"when {within(a, b, table.tolerances[column])} then 0 "
    return f"(case when {a} is not distinct from {b} then 0 {cases}else 1 end)::utinyint"


def _count(engine: Engine, table: Table, tally: Tally) -> None:
    columns = range(len(table.columns))
    changed = f"{BOTH} and {_changed(table)}"
    same = f"{BOTH} and not {_changed(table)}"
    counted = [
        changed,
        f"{same} and beyond",
        f"{same} and not beyond and other_words",
        "in_b is null",
        "in_a is null",
        *(f"{BOTH} and d{n} > {SAME}" for n in columns),
        *(f"{BOTH} and d{n} = {NULL_OR_EMPTY}" for n in columns),
    ]
    found = engine.run(f"select {', '.join(f'count(*) filter (where {each})' for each in counted)} from pairs")[0]
    tally.changed += found[0]
    tally.within_tolerance += found[1]
    tally.rewritten += found[2]
    tally.only_in_a += found[3]
    tally.only_in_b += found[4]
    for n, column in enumerate(table.columns):
        tally.add_column(column, found[5 + n], found[5 + len(columns) + n])


def _sample_changed(engine: Engine, table: Table, tally: Tally) -> None:
    """Choose by the key alone, then fetch the chosen rows as a whole."""
    order = ", ".join(f"r.{table.place(column)}" for column in table.paired_by)
    engine.run(
        "create or replace temp table chosen as select pairs.* from pairs inner join part_a as r "
        f"on pairs.in_a = r.rowid where {BOTH} and {_changed(table)} order by {order}, nth limit {tally.limit}"
    )
    both = ", ".join(f"r.c{n}, b.c{n}, r.d{n}" for n in range(len(table.columns)))
    rows = engine.run(
        f"select {both} from part_b as b inner join (select p.*, chosen.* from part_a as p inner join chosen "
        f"on p.rowid = chosen.in_a) as r on b.rowid = r.in_b order by {order}, r.nth"
    )
    tally.add_changed(
        (
            {column: row[3 * table.columns.index(column)] for column in table.paired_by},
            {c: (row[3 * n], row[3 * n + 1]) for n, c in enumerate(table.columns) if row[3 * n + 2]},
        )
        for row in rows
    )


def _sample_lonely(engine: Engine, table: Table, tally: Tally, side: str, other: str) -> None:
    names = ", ".join(f"r.{table.place(column)}" for column in table.paired_by)
    rows = engine.run(
        f"select {names} from pairs inner join part_{side} as r on pairs.in_{side} = r.rowid "
        f"where in_{other} is null order by {names}, nth limit {tally.limit}"
    )
    tally.add_lonely(side, (dict(zip(table.paired_by, row, strict=True)) for row in rows))


def _changed(table: Table) -> str:
    return f"greatest({', '.join(f'd{n}' for n in range(len(table.columns)))}) > {SAME}"


def _any(conditions: Iterable[str]) -> str:
    return f"({' or '.join(conditions) or 'false'})"
