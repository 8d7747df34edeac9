#!/usr/bin/env python3
"""Writes the sample's orders: ``sample/orders/*.jsonl``, one message a line. Same program, same bytes.

``orders.jsonl`` has what can be posted, every rule of the specification's section 21 in it; ``refused.jsonl`` what the
intake ignores or rejects. A message's key is its order id. ``rates.sql`` has the tax and exchange rates, some missing.

Usage: ``python scripts/sample_orders.py [folder]``
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Some orders fall before midnight in UTC and after it in Berlin, the first ones in the new year.
START = datetime(2025, 12, 31, 22, 30, tzinfo=UTC)
ORDERS = 132
STEP = timedelta(hours=5, minutes=41)
PLACE = ("order_placed", 0)
PAY, FAIL, CANCEL = "payment_received", "payment_failed", "order_cancelled"
PRICES = ("19.99", "0.333333", "1249.00", "7.5", "0.005", "89.90")
RATES = """-- Tax and exchange rates of the sample. The class luxury has no rate, GBP has none.
insert into billing.tax_rate (tax_region, tax_class, rate, valid_from, valid_to) values
('DE', 'standard', 0.190000, '2007-01-01', null),
('DE', 'reduced', 0.050000, '2020-07-01', '2021-01-01'),
('DE', 'reduced', 0.070000, '2021-01-01', null),
('AT', 'standard', 0.200000, '1995-01-01', null)
on conflict do nothing;
insert into billing.fx_rate (currency, base_currency, day, rate) values
('USD', 'EUR', '2025-12-30', 0.9174311927),
('USD', 'EUR', '2026-01-05', 0.9090909091),
('USD', 'EUR', '2026-01-12', 0.9259259259),
('USD', 'EUR', '2026-01-19', 0.9345794393),
('USD', 'EUR', '2026-01-26', 0.9174311927),
('JPY', 'EUR', '2025-12-29', 0.0061234567),
('JPY', 'EUR', '2026-01-05', 0.0061012345),
('JPY', 'EUR', '2026-01-12', 0.0060987654),
('JPY', 'EUR', '2026-01-19', 0.0061111111),
('JPY', 'EUR', '2026-01-26', 0.0061222222),
('KWD', 'EUR', '2026-01-02', 2.9876543211)
on conflict do nothing;
"""


@dataclass
class Topic:
    """The messages that were written so far."""

    lines: list[str] = field(default_factory=list)

    def add(self, event_type: str, order: str, at: datetime, **content: Any) -> None:
        """Write one event; its id follows from its place."""
        event = {"event_id": f"evt-{len(self.lines) + 1:05}", "event_type": event_type, "order_id": order}
        self.lines.append(json.dumps(event | {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")} | content))


# What happens to an order, by its kind: event, minutes after the order, and of a payment the amount (and currency).
STORIES: dict[int, list[tuple[Any, ...]]] = {
    0: [PLACE, (PAY, 10, "100000")],
    1: [PLACE, (PAY, 10, "0.01")],
    2: [PLACE, (PAY, 10, "5"), (PAY, 20, "99999.5")],
    3: [PLACE, (CANCEL, 30)],
    4: [PLACE, (PAY, 10, "50000"), (CANCEL, 30)],
    5: [PLACE, (PAY, 10, "0.01"), (CANCEL, 30), (PAY, 40, "3")],
    6: [PLACE, (FAIL, 10), (PAY, 20, "70000"), (FAIL, 30)],
    7: [PLACE, (PAY, 10, "12.34")],
    8: [PLACE, (PAY, 10, "7")],
    9: [PLACE, (PAY, 10, "1.234"), (CANCEL, 20)],
    11: [PLACE, (PAY, 10, "25"), (FAIL, 20)],
    12: [PLACE, (PAY, 10, "25"), (CANCEL, 30)],
    13: [(PAY, -30, "2"), PLACE],
    14: [PLACE, ("order_placed", 5)],
    15: [PLACE, (CANCEL, 10), (CANCEL, 20)],
    16: [PLACE, (PAY, 10, "10", "CHF")],
    17: [PLACE, (PAY, 10, "1")],
    18: [PLACE, (FAIL, 10)],
    20: [(PAY, 10, "10")],
    21: [PLACE, (PAY, 10, "0.001")],
}
KINDS = 22
CURRENCIES = {7: "USD", 8: "JPY", 9: "KWD", 19: "GBP"}
LUXURY = {"sku": "YACHT", "qty": 1, "unit_price": "1000000", "tax_class": "luxury"}
# Lines beside the first one: another rate, none of one's own, none that is known.
MORE_LINES: dict[int, list[dict[str, Any]]] = {
    10: [
        {"sku": "BOOK", "qty": 3, "unit_price": 12, "tax_class": "reduced"},
        {"sku": "X", "qty": 1, "unit_price": "0.02"},
    ],
    11: [LUXURY],
    12: [LUXURY],
}
FREE, AUSTRIAN = 17, 6


def story(topic: Topic, number: int) -> None:
    """Write what happens to one order; the stories repeat, with other amounts."""
    order, at = f"A-{1000 + number}", START + STEP * number
    kind, price = number % KINDS, PRICES[number % len(PRICES)]
    currency = CURRENCIES.get(kind, "EUR")
    lines = [{"sku": "PRO", "qty": 1 + number % 5, "unit_price": price, "tax_class": "standard"}]
    lines += MORE_LINES.get(kind, [])
    if kind == FREE:
        lines = [{"sku": "FREE", "qty": 1, "unit_price": "0"}]
    region = {"tax_region": "AT"} if kind == AUSTRIAN else {}
    for event_type, minutes, *more in STORIES.get(kind, [PLACE]):
        payment = {"payment_id": f"pay-{number}-{minutes}"}
        content: dict[str, Any] = {"reason": "changed my mind"}
        if event_type == "order_placed":
            content = {"customer_id": f"C-{number % 40}", "currency": currency, **region, "lines": lines}
        elif event_type == PAY:
            content = {"amount": more[0], "currency": more[1] if more[1:] else currency} | payment
        elif event_type == FAIL:
            content = {"reason": "card declined"} | payment
        topic.add(event_type, order, at + timedelta(minutes=minutes), **content)


def refused(orders: list[str]) -> list[str]:
    """Return messages that the intake ignores (the first one) or rejects, one for each reason."""
    first = json.loads(orders[0])
    line = {"sku": "PRO", "qty": 1, "unit_price": "1.00"}
    order = {"order_id": "R-1", "timestamp": "2026-01-20T10:00:00Z", "currency": "EUR", "lines": [line]}
    wrong: list[dict[str, Any]] = [
        first | {"customer_id": "somebody else"},
        order | {"currency": "XXX"},
        order | {"lines": []},
        order | {"lines": [line | {"qty": 0}]},
        order | {"lines": [line | {"qty": 1.5}]},
        order | {"lines": [line | {"qty": 1000001}]},
        order | {"lines": [line | {"unit_price": "-1"}]},
        order | {"lines": [line | {"unit_price": "NaN"}]},
        order | {"lines": [line | {"unit_price": "1.0000001"}]},
        order | {"order_id": ""},
        order | {"order_id": "x" * 201},
        order | {"timestamp": "yesterday"},
        order | {"event_type": "order_lost"},
        {key: value for key, value in order.items() if key != "lines"},
    ]
    numbered = ({"event_id": f"ref-{number:03}"} | content for number, content in enumerate(wrong, 1))
    return [orders[0], *map(json.dumps, numbered), '["no object"]', "{", "plain text"]


def main() -> None:
    """Write the files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "sample" / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    topic = Topic()
    for number in range(ORDERS):
        story(topic, number)
    for name, lines in (("orders.jsonl", topic.lines), ("refused.jsonl", refused(topic.lines))):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "rates.sql").write_text(RATES, encoding="utf-8")


if __name__ == "__main__":
    main()
