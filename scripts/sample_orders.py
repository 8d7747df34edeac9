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


def story(topic: Topic, number: int) -> None:
    """Write what happens to one order; the stories repeat after 22 orders, with other amounts."""
    order, at = f"A-{1000 + number}", START + STEP * number
    kind, price = number % 22, PRICES[number % len(PRICES)]
    currency = {7: "USD", 8: "JPY", 9: "KWD", 19: "GBP"}.get(kind, "EUR")
    lines: list[dict[str, Any]] = [{"sku": "PRO", "qty": 1 + number % 5, "unit_price": price, "tax_class": "standard"}]
    if kind == 10:  # noqa: PLR2004 - two rates, and a line without class
        lines += [{"sku": "BOOK", "qty": 3, "unit_price": 12, "tax_class": "reduced"}, {"sku": "X", "qty": 1,
                   "unit_price": "0.02"}]  # fmt: skip
    if kind in (11, 12):
        lines.append({"sku": "YACHT", "qty": 1, "unit_price": "1000000", "tax_class": "luxury"})
    if kind == 17:  # noqa: PLR2004 - free of charge
        lines = [{"sku": "FREE", "qty": 1, "unit_price": "0"}]
    region = {"tax_region": "AT"} if kind == 6 else {}  # noqa: PLR2004
    placed = {"customer_id": f"C-{number % 40}", "currency": currency, **region, "lines": lines}

    def place(minutes: int = 0) -> None:
        topic.add("order_placed", order, at + timedelta(minutes=minutes), **placed)

    def pay(minutes: int, amount: str, paid_in: str = currency) -> None:
        content = {"amount": amount, "currency": paid_in, "payment_id": f"pay-{number}-{minutes}"}
        topic.add("payment_received", order, at + timedelta(minutes=minutes), **content)

    def fail(minutes: int) -> None:
        content = {"reason": "card declined", "payment_id": f"pay-{number}-{minutes}"}
        topic.add("payment_failed", order, at + timedelta(minutes=minutes), **content)

    def cancel(minutes: int) -> None:
        topic.add("order_cancelled", order, at + timedelta(minutes=minutes), reason="changed my mind")

    steps: dict[int, list[Any]] = {
        0: [place, (pay, 10, "100000")],
        1: [place, (pay, 10, "0.01")],
        2: [place, (pay, 10, "5"), (pay, 20, "99999.5")],
        3: [place, (cancel, 30)],
        4: [place, (pay, 10, "50000"), (cancel, 30)],
        5: [place, (pay, 10, "0.01"), (cancel, 30), (pay, 40, "3")],
        6: [place, (fail, 10), (pay, 20, "70000"), (fail, 30)],
        7: [place, (pay, 10, "12.34")],
        8: [place, (pay, 10, "7")],
        9: [place, (pay, 10, "1.234"), (cancel, 20)],
        11: [place, (pay, 10, "25"), (fail, 20)],
        12: [place, (pay, 10, "25"), (cancel, 30)],
        13: [(pay, -30, "2"), place],
        14: [place, (place, 5)],
        15: [place, (cancel, 10), (cancel, 20)],
        16: [place, (pay, 10, "10", "CHF")],
        17: [place, (pay, 10, "1")],
        20: [(pay, 10, "10")],
        21: [place, (pay, 10, "0.001")],
    }
    for step in steps.get(kind, [place]):
        if isinstance(step, tuple):
            step[0](*step[1:])
        else:
            step()


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
