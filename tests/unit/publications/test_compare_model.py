"""Any two small publications: the comparison's numbers are those of a model in plain Python."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.publications.folders import Folder, Row
from tests.unit.publications.test_compare import compared

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.sampled_from([None, "", "a", "b", "a,b", 'a"', "a\n"])
AMOUNTS = st.sampled_from([None, "1.00", "1", "-0", "0.00", "2.50"])
SIDES = st.dictionaries(st.sampled_from([*"123456", None]), st.tuples(NAMES, AMOUNTS), max_size=6)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=SIDES, b=SIDES)
def test_the_numbers_are_those_of_the_model(
    tmp_path: Path,
    a: dict[str | None, tuple[str | None, str | None]],
    b: dict[str | None, tuple[str | None, str | None]],
) -> None:
    places = []
    for name, side in (("a", a), ("b", b)):
        rows: list[Row] = [(key, *values) for key, values in side.items()]
        places.append(Folder(tmp_path / name).write(book=[rows[:3], rows[3:]]))
    rows = compared(*places).differences
    both = a.keys() & b.keys()
    differing = Counter(
        column
        for key in both
        for column, same in (
            ("name", a[key][0] == b[key][0]),
            ("amount", number(a[key][1]) == number(b[key][1])),
        )
        if not same
    )
    changed = {k for k in both if a[k][0] != b[k][0] or number(a[k][1]) != number(b[k][1])}
    assert (rows.only_in_a, rows.only_in_b) == (len(a.keys() - b.keys()), len(b.keys() - a.keys()))
    assert (rows.changed, rows.equal) == (len(changed), len(both) - len(changed))
    assert rows.written_differently == sum(a[key] != b[key] for key in both - changed)
    assert {column: each.rows for column, each in rows.columns.items()} == differing
    assert len(rows.samples) == len(changed)
