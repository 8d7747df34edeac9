"""Generated streams of events: in any order that a topic can have, with repetitions and messages that are no events."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from billing_aggregator.local.random_orders import random_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

Messages = list[tuple[int, bytes | None]]
NO_EVENTS = (b"", b"no json", b'{"event_id": "x"}', b"[1]", b"\xff", b'{"a":' * 200, None)


def stream(seed: int, orders: int, partitions: int = 4) -> Messages:
    """Return (partition, value) pairs; an order's events are in one partition.

    An order's events come in the order of their timestamps or, for some orders, before the order itself: then the
    result does not depend on how they are cut into batches.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    lanes: list[Messages] = [[] for _ in range(partitions)]
    for order, events in _by_order(orders, seed):
        lane = lanes[hash_of(order) % partitions]
        late = chance.random() < 0.2
        for event in events[1:] + events[:1] if late else events:
            lane.append((hash_of(order) % partitions, event))
            lane += [(hash_of(order) % partitions, other) for other in _echo(chance, event)]
        if chance.random() < 0.15:
            lane.append((hash_of(order) % partitions, chance.choice(NO_EVENTS)))
    # Partitions come in any rhythm.
    mixed: Messages = []
    while any(lanes):
        lane = chance.choice([lane for lane in lanes if lane])
        taken = chance.randrange(1, 8)
        mixed += lane[:taken]
        del lane[:taken]
    return mixed


def hash_of(order: str) -> int:
    """Return a number that is the same in each process."""
    return sum(order.encode())


def _echo(chance: random.Random, event: bytes) -> Iterator[bytes]:
    """Yield what a sender may send behind an event: the same again, or another payload of the same id."""
    kind = chance.random()
    if kind < 0.1:
        yield event
    elif kind < 0.15:
        yield json.dumps(json.loads(event), indent=1).encode()
    elif kind < 0.2:
        yield json.dumps(json.loads(event) | {"note": "changed"}).encode()


def _by_order(orders: int, seed: int) -> Iterator[tuple[str, list[bytes]]]:
    events: dict[str, list[bytes]] = {}
    for order, event in random_orders(orders, seed, wrong=False):
        events.setdefault(order, []).append(event)
    yield from events.items()
