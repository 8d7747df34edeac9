"""The conventions of the specification: days, money, patterns, joins that never match null to null."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")
CENT = Decimal("0.01")
#: Numbers from here on do not fit into the database's ouids.
BIGINT = 1 << 63
Row = TypeVar("Row")
Value = TypeVar("Value")
Moment = TypeVar("Moment", "date", "datetime")


def berlin_day(instant: datetime | None) -> date | None:
    """Berlin day: the calendar date of an instant in Europe/Berlin."""
    return None if instant is None else instant.astimezone(BERLIN).date()


def utc_day(instant: datetime) -> date:
    """UTC day: only for the expiry of dunning locks."""
    return instant.astimezone(UTC).date()


def euros(cents: int | None) -> Decimal | None:
    """Money: integer cents to euros, exact."""
    return None if cents is None else Decimal(cents).scaleb(-2)


def german(cents: int | None) -> str | None:
    """Journal amounts: absolute, two decimals, comma."""
    return None if cents is None else f"{Decimal(abs(cents)).scaleb(-2):.2f}".replace(".", ",")


def number(text: str | None) -> Decimal | None:
    """A German decimal text as a number."""
    return None if text is None else Decimal(text.replace(",", "."))


def like(text: str | None, *patterns: str) -> bool:
    """LIKE: case-sensitive, whole string, % any text, _ exactly one character; null matches nothing."""
    return text is not None and any(_expression(pattern).fullmatch(text) for pattern in patterns)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)


def credit_like(glid: str | None) -> bool:
    """Credit-like glid: stored positive, owed to the customer."""
    return like(glid, "OVERPAYMENT_CREDIT", "%_MANUAL_BONUS")


def characteristic(document: str | None, key: str) -> str | None:
    """One characteristic of a JSON document as text, as the database gives it; null if absent."""
    values = None if document is None else json.loads(document)
    value = values.get(key) if isinstance(values, dict) else None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by key, for joins: a key that is null, or has a null part, matches nothing and is left out."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        value = key(row)
        if value is not None and not (isinstance(value, tuple) and None in value):
            groups.setdefault(value, []).append(row)
    return groups


def latest(values: Iterable[Moment | None]) -> Moment | None:
    """Maximum of a group; ignores null."""
    return max((value for value in values if value is not None), default=None)


def earliest(values: Iterable[Moment | None]) -> Moment | None:
    """Minimum of a group; ignores null."""
    return min((value for value in values if value is not None), default=None)


def total(amounts: Iterable[int | None]) -> int | None:
    """Sum of a group; null if nothing is there to add."""
    present = [amount for amount in amounts if amount is not None]
    return sum(present) if present else None


def outer(rows: list[Row] | None) -> list[Row] | list[None]:
    """The rows of a left join: a single null row where none matches."""
    return rows or [None]


def first(*values: Value | None) -> Value | None:
    """`a, else b`: the first that is not null."""
    return next((value for value in values if value is not None), None)
