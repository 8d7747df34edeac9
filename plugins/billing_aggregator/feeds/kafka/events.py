"""What is an event of an order: the strict reading of one message (ledger specification, section 2).

Every rule that can be told from the message alone is here; what needs other events (conflicts, a second order of one
id, the currency of a payment) is SQL.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from billing_aggregator.feeds.kafka.json_text import NOT_JSON, Number, RefusedError, json_object, refuse_constants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDER_PLACED = "order_placed"
MOST_ID = 200
MOST_QTY = 1_000_000
PRICE_DECIMALS = 6
#: Amounts of an entry are numeric(20, 6). An order below this bound, its tax and its base amount stay in it.
LARGEST_AMOUNT = Decimal(10) ** 13
AMOUNT = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?")
NOT_FINITE = frozenset({"nan", "inf", "infinity"})
TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


class Event(NamedTuple):
    """One event, checked.

    :param occurred_at: ISO 8601 with its zone.
    :param payload: the message as it was sent.
    """

    event_id: str
    event_type: str
    order_id: str
    occurred_at: str
    payload: str


def read_event(raw: bytes, minor_units: Mapping[str, int]) -> Event:
    """Return the event in *raw*.

    :param minor_units: currency code -> decimals of its amounts; other currencies are unknown.
    :raises RefusedError: it is none; the text is the reason to keep with it.
    """
    fields, text = json_object(raw)
    event_id = _id(fields, "event_id")
    order_id = _id(fields, "order_id")
    event_type = fields.get("event_type")
    if event_type is None:
        event_type = ORDER_PLACED
    elif type(event_type) is not str:
        raise RefusedError("event_type is of a wrong type")
    rules = RULES.get(event_type)
    if rules is None:
        raise RefusedError("unknown event type")
    occurred_at = _timestamp(fields)
    rules(fields, minor_units)
    refuse_constants(text)
    return Event(event_id, event_type, order_id, occurred_at, text)


def _order_placed(fields: Mapping[str, Any], minor_units: Mapping[str, int]) -> None:
    _currency(fields, minor_units)
    for name in ("customer_id", "tax_region"):
        if fields.get(name) is not None:
            _id(fields, name)
    lines = fields.get("lines")
    if lines is None or lines == []:
        raise RefusedError("no lines")
    if type(lines) is not list:
        raise RefusedError("lines is of a wrong type")
    total = Decimal(0)
    for line in lines:
        if type(line) is not dict:
            raise RefusedError("a line is of a wrong type")
        _id(line, "sku")
        if line.get("tax_class") is not None:
            _id(line, "tax_class")
        total += _qty(line) * _unit_price(line)
    if total >= LARGEST_AMOUNT:
        raise RefusedError(f"the order's amount is {LARGEST_AMOUNT:,} or more")


def _order_cancelled(fields: Mapping[str, Any], _minor_units: Mapping[str, int]) -> None:
    _text(fields, "reason")


def _payment_received(fields: Mapping[str, Any], minor_units: Mapping[str, int]) -> None:
    _id(fields, "payment_id")
    _currency(fields, minor_units)
    # Whether the ledger can hold it in the invoice's currency is seen when it is posted.
    _number(fields, "amount")


def _payment_failed(fields: Mapping[str, Any], _minor_units: Mapping[str, int]) -> None:
    _id(fields, "payment_id")
    _text(fields, "reason")


RULES: dict[str, Callable[[Mapping[str, Any], Mapping[str, int]], None]] = {
    ORDER_PLACED: _order_placed,
    "order_cancelled": _order_cancelled,
    "payment_received": _payment_received,
    "payment_failed": _payment_failed,
}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if type(value) is not str:
        raise RefusedError(f"{name} is missing" if value is None else f"{name} is of a wrong type")
    return value


def _id(fields: Mapping[str, Any], name: str) -> str:
    value = _text(fields, name)
    if not value.strip():
        raise RefusedError(f"{name} is empty")
    if len(value) > MOST_ID:
        raise RefusedError(f"{name} is longer than {MOST_ID} characters")
    return value


def _currency(fields: Mapping[str, Any], minor_units: Mapping[str, int]) -> str:
    value = _text(fields, "currency")
    if value not in minor_units:
        raise RefusedError("unknown currency")
    return value


def _qty(line: Mapping[str, Any]) -> int:
    value = line.get("qty")
    if value is None:
        raise RefusedError("qty is missing")
    # Longer texts were refused with the message: int() is safe.
    if type(value) is not Number or not value.isdecimal() or not 1 <= int(value) <= MOST_QTY:
        raise RefusedError(f"qty is not a whole number from 1 to {MOST_QTY:,}")
    return int(value)


def _unit_price(line: Mapping[str, Any]) -> Decimal:
    price = _number(line, "unit_price")
    if price.is_signed() and price:
        raise RefusedError("unit_price is negative")
    if price >= LARGEST_AMOUNT:
        raise RefusedError(f"unit_price is {LARGEST_AMOUNT:,} or more")
    if _decimals(price) > PRICE_DECIMALS:
        raise RefusedError(f"unit_price has more than {PRICE_DECIMALS} decimals")
    return price


def _number(fields: Mapping[str, Any], name: str) -> Decimal:
    """Return a JSON number, or a string of the same form, exactly."""
    value = fields.get(name)
    if value is None:
        raise RefusedError(f"{name} is missing")
    if type(value) is not Number and type(value) is not str:
        raise RefusedError(f"{name} is of a wrong type")
    if AMOUNT.fullmatch(value) is None:
        finite = value.strip().lstrip("+-").lower() not in NOT_FINITE
        raise RefusedError(f"{name} is no number" if finite else f"{name} is not finite")
    return Decimal(value)


def _decimals(amount: Decimal) -> int:
    """Return the decimals that *amount* needs: zeros at its end say nothing."""
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0 or not amount:
        return 0
    zeros = next(count for count, digit in enumerate(reversed(digits)) if digit)
    return max(0, -exponent - zeros)


def _timestamp(fields: Mapping[str, Any]) -> str:
    value = _text(fields, "timestamp")
    if TIMESTAMP.fullmatch(value) is None:
        raise RefusedError("timestamp is no date and time")
    try:
        instant = datetime.fromisoformat(value)
        # Its day in any time zone is one that every client of the database can read.
        if not MINYEAR < instant.year < MAXYEAR:
            raise ValueError
        if value[-1] == "Z":
            return value
        # Postgres takes fewer zones than Python, and its own where none is given.
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        return instant.isoformat()
    except ValueError:
        raise RefusedError("timestamp is no date and time") from None


__all__ = ["NOT_JSON", "Event", "RefusedError", "read_event"]
