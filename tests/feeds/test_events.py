"""What is an event and what is not: every reason of the contract, and messages that mean harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_aggregator.feeds.kafka.events import read_event
from billing_aggregator.feeds.kafka.json_text import RefusedError

UNITS = {"EUR": 2, "JPY": 0, "KWD": 3}
PLACED: dict[str, Any] = {
    "event_id": "e1",
    "event_type": "order_placed",
    "order_id": "A-1001",
    "customer_id": "C-7",
    "currency": "EUR",
    "tax_region": "DE",
    "timestamp": "2026-01-31T23:30:00Z",
    "lines": [{"sku": "PRO", "qty": 2, "unit_price": "19.99", "tax_class": "standard"}],
}
PAID = {
    "event_id": "e2",
    "event_type": "payment_received",
    "order_id": "A-1001",
    "timestamp": "2026-01-31T23:30:00Z",
    "payment_id": "p1",
    "amount": "10.00",
    "currency": "EUR",
}


def reason(message: dict[str, Any] | bytes) -> str:
    """Return why *message* is refused; empty when it is an event."""
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    try:
        read_event(raw, UNITS)
    except RefusedError as refused:
        return str(refused)
    return ""


def placed(**changes: Any) -> dict[str, Any]:
    """Return an order with other fields; None takes a field away."""
    return {name: value for name, value in (PLACED | changes).items() if value is not None}


def line(**changes: Any) -> dict[str, Any]:
    own = {name: value for name, value in (PLACED["lines"][0] | changes).items() if value is not None}
    return placed(lines=[own])


def number(text: str) -> bytes:
    """Return an order whose unit price is a JSON number, as *text*."""
    return json.dumps(PLACED).replace('"19.99"', text).encode()


def test_an_order_is_read_exactly() -> None:
    event = read_event(json.dumps(PLACED).encode(), UNITS)
    assert event[:4] == ("e1", "order_placed", "A-1001", "2026-01-31T23:30:00Z")
    assert json.loads(event.payload) == PLACED


@pytest.mark.parametrize("name", ["event_type", "customer_id", "tax_region"])
def test_fields_with_a_default_may_be_missing(name: str) -> None:
    assert reason(placed(**{name: None})) == ""


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2026-01-31T23:30:00", "2026-01-31T23:30:00+00:00"),
        ("2026-01-31T23:30:00+05:30", "2026-01-31T18:00:00+00:00"),
        ("2026-01-31T23:30:00-23:59", "2026-02-01T23:29:00+00:00"),
        ("2026-01-31T23:30:00.123456789Z", "2026-01-31T23:30:00.123456789Z"),
    ],
)
def test_a_timestamp_without_zone_is_utc(given: str, instant: str) -> None:
    assert read_event(json.dumps(placed(timestamp=given)).encode(), UNITS).occurred_at == instant


@pytest.mark.parametrize("name", ["event_id", "order_id", "currency", "timestamp"])
def test_a_required_field_is_missing_or_of_a_wrong_type(name: str) -> None:
    assert reason(placed(**{name: None})) == f"{name} is missing"
    assert reason(placed(**{name: 7})) == f"{name} is of a wrong type"
    assert reason(placed(**{name: ["x"]})) == f"{name} is of a wrong type"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "not a UTF-8 JSON object"),
        (b"\xff\xfe{}", "not a UTF-8 JSON object"),
        (b"\xef\xbb\xbf{}", "not a UTF-8 JSON object"),
        (b"[]", "not a UTF-8 JSON object"),
        (b'"text"', "not a UTF-8 JSON object"),
        (b"null", "not a UTF-8 JSON object"),
        (b'{"a": 1', "not a UTF-8 JSON object"),
        (b'{"a": "\x01"}', "not a UTF-8 JSON object"),
        (placed(currency="XXX"), "unknown currency"),
        (placed(currency="eur"), "unknown currency"),
        (placed(event_type="order_shipped"), "unknown event type"),
        (placed(event_type=1), "event_type is of a wrong type"),
        (placed(lines=None), "no lines"),
        (placed(lines=[]), "no lines"),
        (placed(lines={"sku": "PRO"}), "lines is of a wrong type"),
        (placed(lines=["PRO"]), "a line is of a wrong type"),
        (line(qty=0), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty=-1), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty=1_000_001), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty=1.5), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty="2"), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty=True), "qty is not a whole number from 1 to 1,000,000"),
        (line(qty=None), "qty is missing"),
        (line(sku=None), "sku is missing"),
        (line(sku=""), "sku is empty"),
        (line(unit_price=None), "unit_price is missing"),
        (line(unit_price=True), "unit_price is of a wrong type"),
        (line(unit_price="free"), "unit_price is no number"),
        (line(unit_price="1_000"), "unit_price is no number"),
        (line(unit_price="0x10"), "unit_price is no number"),
        (line(unit_price="١"), "unit_price is no number"),
        (line(unit_price="-0.01"), "unit_price is negative"),
        (line(unit_price="NaN"), "unit_price is not finite"),
        (line(unit_price="-Infinity"), "unit_price is not finite"),
        (number("NaN"), "unit_price is not finite"),
        (number("Infinity"), "unit_price is not finite"),
        (number("-5"), "unit_price is negative"),
        (line(unit_price="0.0000001"), "unit_price has more than 6 decimals"),
        (number("1e-7"), "unit_price has more than 6 decimals"),
        (number(f"1.{'0' * 40}1"), "unit_price has more than 6 decimals"),
        (line(unit_price="10000000000000"), "unit_price is 10,000,000,000,000 or more"),
        (line(unit_price="99999999999", qty=1_000_000), "the order's amount is 10,000,000,000,000 or more"),
        (placed(order_id=""), "order_id is empty"),
        (placed(order_id="x" * 201), "order_id is longer than 200 characters"),
        (placed(event_id="x" * 201), "event_id is longer than 200 characters"),
        (placed(customer_id=""), "customer_id is empty"),
        (placed(timestamp="yesterday"), "timestamp is no date and time"),
        (placed(timestamp="2026-02-30T00:00:00Z"), "timestamp is no date and time"),
        (placed(timestamp="2026-01-31"), "timestamp is no date and time"),
        (placed(timestamp="0001-01-01T00:00:00+10:00"), "timestamp is no date and time"),
        # Where another day begins earlier, or later, it is no date that Python can read from the database.
        (placed(timestamp="0001-01-01T00:00:00Z"), "timestamp is no date and time"),
        (placed(timestamp="9999-12-31T23:59:59Z"), "timestamp is no date and time"),
        (placed(timestamp="2026-06-30T23:59:60Z"), "timestamp is no date and time"),
        (placed(timestamp="\u0662026-01-31T23:30:00Z"), "timestamp is no date and time"),
        (PAID | {"amount": None}, "amount is missing"),
        (PAID | {"amount": [1]}, "amount is of a wrong type"),
        (PAID | {"amount": "ten"}, "amount is no number"),
        (PAID | {"amount": "Infinity"}, "amount is not finite"),
        (PAID | {"currency": "XXX"}, "unknown currency"),
        (PAID | {"payment_id": None}, "payment_id is missing"),
    ],
)
def test_every_reason(message: dict[str, Any] | bytes, why: str) -> None:
    assert reason(message) == why


@pytest.mark.parametrize("text", ["0", "0.000001", "19.99", "1e2", "1.50E1", "19.9900000000", "9999999999"])
def test_a_price_is_a_string_or_a_number(text: str) -> None:
    assert reason(number(text)) == ""
    assert reason(line(unit_price=text)) == ""


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "nested deeper than 32 levels"),
        (b"[" * 400_000, "nested deeper than 32 levels"),
        (number(f'"1","x":{"[" * 33}{"]" * 33}'), "nested deeper than 32 levels"),
        (b'{"event_id": "a", "event_id": "b"}', "a key stands twice in an object"),
        (number('"1", "sku": "B"'), "a key stands twice in an object"),
        (b'{"x": ' + b"9" * 100_000 + b"}", "a number of more than 60 characters"),
        (b'{"x": 1e999999999}', "a number with an exponent beyond 99"),
        (b'{"x": 1e-' + b"9" * 10_000 + b"}", "a number with an exponent beyond 99"),
        (json.dumps(placed(order_id="A\0B")).encode(), "a string with the character NUL"),
        (json.dumps(placed(note={"\0": 1})).encode(), "a string with the character NUL"),
        (json.dumps(placed(order_id="\ud800")).encode(), "a string with half of a surrogate pair"),
        (json.dumps(placed(note="x" * (10 << 20))).encode(), "longer than 1,048,576 bytes"),
        (json.dumps(placed(note=float("nan"))).encode(), "not a UTF-8 JSON object"),
        (json.dumps(placed(note=[{"x": float("-inf")}])).encode(), "not a UTF-8 JSON object"),
        (number("1e400"), "a number with an exponent beyond 99"),
        (json.dumps(placed(order_id="\u2003\t")).encode(), "order_id is empty"),
        (json.dumps(placed(note="x")).encode().replace(b'"x"', b'"\xed\xa0\x80"'), "not a UTF-8 JSON object"),
    ],
)
def test_messages_that_mean_harm(message: bytes, why: str) -> None:
    assert reason(message) == why


def test_what_only_looks_dangerous_is_taken() -> None:
    assert reason(placed(order_id="A'); drop table billing.invoices; --")) == ""
    assert reason(placed(order_id="A\\u0000")) == ""
    assert reason(placed(order_id='😀 \\ " \t %s')) == ""
    assert reason(placed(lines=PLACED["lines"] * 300)) == ""
    assert reason(placed(note="NaN, Infinity")) == ""
    assert reason(number("-0")) == ""
    assert reason(placed(order_id="\U0001f600" * 200)) == ""


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_refused(raw: bytes) -> None:
    assert reason(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(sorted(PLACED)), JSON)
def test_no_value_is_more_than_refused(name: str, value: Any) -> None:
    reason(PLACED | {name: value})
    reason({**PLACED, "lines": [PLACED["lines"][0] | {"unit_price": value, "qty": value}]})
