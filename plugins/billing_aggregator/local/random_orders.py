"""Random events of orders, for trying a feed out: placed, paid, cancelled, some of them wrong."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SKUS = (("BASIC", "4.99"), ("PRO", "19.99"), ("TEAM", "89.5"), ("SETUP", "120"), ("METER", "0.0415"))
#: Of a hundred orders so many are paid, are cancelled, have a failed payment.
PAID, CANCELLED, FAILED = 60, 8, 10


def random_orders(orders: int, seed: int, *, wrong: bool = True) -> Iterator[tuple[str, bytes]]:
    """Yield (key, value) of the events of *orders* orders, each order's events in the order of their timestamps.

    :param seed: the same seed gives the same events.
    :param wrong: one message of a thousand is no event.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(orders):
        order = f"R{seed}-{number}"
        at = start + timedelta(seconds=37 * number)
        for event in _events(chance, order, at):
            yield order, json.dumps(event, separators=(",", ":")).encode()
        if wrong and chance.random() < 0.001:  # noqa: PLR2004 - as the docstring says
            yield order, b'{"event_id": "no order"}'


def _events(chance: random.Random, order: str, at: datetime) -> Iterator[dict[str, Any]]:
    lines = [_line(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    yield {
        "event_id": f"{order}-placed",
        "order_id": order,
        "customer_id": f"C-{chance.randrange(1000)}",
        "currency": "EUR",
        "tax_region": "DE",
        "timestamp": at.isoformat(),
        "lines": lines,
    }
    if chance.randrange(100) < FAILED:
        at += timedelta(minutes=1)
        failed = {"event_type": "payment_failed", "payment_id": f"{order}-f", "reason": "card refused"}
        yield {"event_id": f"{order}-failed", "order_id": order, "timestamp": at.isoformat(), **failed}
    if chance.randrange(100) < PAID:
        at += timedelta(minutes=5)
        amount = f"{chance.randrange(100, 20_000) / 100:.2f}"
        paid = {"event_type": "payment_received", "payment_id": f"{order}-p", "amount": amount, "currency": "EUR"}
        yield {"event_id": f"{order}-paid", "order_id": order, "timestamp": at.isoformat(), **paid}
    if chance.randrange(100) < CANCELLED:
        at += timedelta(minutes=9)
        cancelled = {"event_type": "order_cancelled", "reason": "changed their mind"}
        yield {"event_id": f"{order}-cancelled", "order_id": order, "timestamp": at.isoformat(), **cancelled}


def _line(chance: random.Random) -> dict[str, Any]:
    sku, price = chance.choice(SKUS)
    return {"sku": sku, "qty": chance.randrange(1, 20), "unit_price": price, "tax_class": "standard"}
