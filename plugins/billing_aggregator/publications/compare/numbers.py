"""SQL that compares numbers as numbers, exactly, however they are written: texts in, no float in between."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMERIC = re.compile(r"(smallint|integer|bigint|numeric(\((\d+),(-?\d+)\))?)")
#: DuckDB's exact type has 38 digits: so many of them are decimals when numbers are subtracted or added up.
DECIMALS = 10
PLAIN = rf"'^[+-]?\d{{1,27}}(\.\d{{1,{DECIMALS}}})?$'"


def is_number(postgres_type: str) -> bool:
    """Tell whether a type's values are compared and added up as exact numbers."""
    return NUMERIC.fullmatch(postgres_type) is not None


def canonical(value: str) -> str:
    """Return SQL of a number's text in one form: ``+01.50`` and ``1.5`` are one, as are ``-0`` and ``0.00``.

    What is no plain number (``NaN``, any other text) stays as it is.
    """
    form = rf"regexp_replace({value}, '^([+-]?)0*(\d*?)(?:\.(\d*?)0*)?$', '\1\2.\3')"
    return (
        rf"case when regexp_full_match({value}, '[+-]?\d+(\.\d*)?') then "
        f"case when ltrim({form}, '+-') = '.' then '0' else ltrim({form}, '+') end else {value} end"
    )


def within(a: str, b: str, tolerance: Decimal) -> str:
    """Return SQL that is true where two texts are numbers that differ by at most *tolerance*, and else false.

    Numbers of more than 27 digits before or 10 behind the point count as different: they could not be subtracted
    exactly.
    """
    exact = f"decimal(38, {DECIMALS})"
    plain = f"regexp_full_match({a}, {PLAIN}) and regexp_full_match({b}, {PLAIN})"
    difference = f"abs({a}::{exact} - {b}::{exact})"
    return f"coalesce(case when {plain} then {difference} <= {tolerance:f}::{exact} else false end, false)"


def exact_sum(value: str) -> str:
    """Return SQL of the exact sum of a column of texts; null where one of them is no plain number."""
    total = f"sum(case when regexp_full_match({value}, {PLAIN}) then {value}::decimal(38, {DECIMALS}) end)"
    plain = f"count(*) filter (where regexp_full_match({value}, {PLAIN}))"
    return f"case when count({value}) = {plain} then coalesce({total}, 0) end"


def same_number(a: str | None, b: str | None) -> bool:
    """Tell whether two texts are the same number; NaN is the same as NaN, as it is in Postgres."""
    if a is None or b is None:
        return a == b
    return a == b or Decimal(a) == Decimal(b)


def numeric_columns(*types: Mapping[str, str]) -> set[str]:
    """Return the columns that any side knows to be numbers."""
    return {column for side in types for column, kind in side.items() if is_number(kind)}
