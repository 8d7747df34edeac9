"""Events of orders as the feed's intake writes them, and streams of them for property tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

TOPIC = "orders"
MOST_BATCHES = 4
START = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
INSERT = """
insert into orders_vault.order_event
    (topic, partition, "offset", event_id, event_type, order_id, occurred_at, payload)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Event:
    """An event at its place in the topic.

    :param content: the JSON object without the fields that stand here.
    """

    event_id: str
    event_type: str
    order_id: str
    occurred_at: datetime
    content: dict[str, Any]
    partition: int = 0
    offset: int = 0

    @property
    def payload(self) -> dict[str, Any]:
        """The whole JSON object."""
        return {
            "event_id": self.event_id,
            "event_type": self.event_type,
            "order_id": self.order_id,
            "timestamp": self.occurred_at.isoformat(),
            **self.content,
        }


def take(connection: psycopg.Connection[Any], events: Iterable[Event]) -> None:
    """Write *events* as the intake does; the transaction stays open."""
    with connection.cursor() as cursor:
        rows = [
            (TOPIC, e.partition, e.offset, e.event_id, e.event_type, e.order_id, e.occurred_at, json.dumps(e.payload))
            for e in events
        ]
        if rows:
            cursor.executemany(INSERT, rows)


def placed_at(events: Iterable[Event], partitions: int = 1) -> list[Event]:
    """Return *events* with partitions by order and offsets in the order in which they stand."""
    offsets = dict.fromkeys(range(partitions), 0)
    result = []
    for event in events:
        partition = sum(event.order_id.encode()) % partitions
        result.append(replace(event, partition=partition, offset=offsets[partition]))
        offsets[partition] += 1
    return result


def read_jsonl(text: str) -> list[Event]:
    """Return the events of a file of the sample, one JSON object a line, each read as exactly as it stands."""
    events = []
    for line in text.splitlines():
        content = json.loads(line)
        event_id, event_type, order = (content.pop(name) for name in ("event_id", "event_type", "order_id"))
        events.append(Event(event_id, event_type, order, datetime.fromisoformat(content.pop("timestamp")), content))
    return placed_at(events, 3)


@st.composite
def _lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "sku": "PRO",
            "qty": draw(st.integers(1, 50)),
            # Half of a cent and less, zero, and tax classes with and without a rate.
            "unit_price": draw(st.sampled_from(["19.99", "0.005", "0", "0.333333", "1234.5", "0.014999", 7])),
            **draw(st.sampled_from([{}, {"tax_class": "standard"}, {"tax_class": "reduced"}, {"tax_class": "late"}])),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]


@st.composite
def _content(draw: st.DrawFn, event_type: str, currency: str) -> dict[str, Any]:
    if event_type == "order_placed":
        return {"currency": currency, "lines": draw(_lines())}
    if event_type == "payment_received":
        amounts = ["10", "0.01", "23.79", "500", 5, "99999", "0.001", "0"]
        paid_in = draw(st.sampled_from([currency] * 5 + ["CHF"]))
        return {"currency": paid_in, "amount": draw(st.sampled_from(amounts)), "payment_id": "p"}
    return {"reason": "because"}


@st.composite
def streams(draw: st.DrawFn, *, in_order: bool) -> list[Event]:
    """Return a stream of a few orders.

    :param in_order: each order's events come in the order of their timestamps, as a keyed topic delivers them.
    """
    events = []
    kinds = st.sampled_from(["order_placed", "payment_received", "payment_received", "payment_failed",
                             "order_cancelled"])  # fmt: skip
    for number in range(draw(st.integers(1, 4))):
        currency = draw(st.sampled_from(["EUR", "EUR", "USD", "JPY", "KWD", "GBP"]))
        types = draw(st.lists(kinds, min_size=1, max_size=6))
        if draw(st.booleans()):
            types = ["order_placed", *types]
        minutes = draw(st.lists(st.integers(0, 600), min_size=len(types), max_size=len(types)))
        for place, event_type in enumerate(types):
            content = draw(_content(event_type, currency))
            at = START + timedelta(minutes=minutes[place])
            events.append(Event(f"e{number}-{place}", event_type, f"O-{number}", at, content))
    if in_order:
        events.sort(key=lambda event: (event.occurred_at, event.event_id))
    else:
        events = draw(st.permutations(events))
    return placed_at(events, draw(st.integers(1, 3)))


@st.composite
def cuts(draw: st.DrawFn, events: list[Event]) -> list[list[Event]]:
    """Return *events* cut into batches, some empty; partitions are read in any order, each from its beginning."""
    left = {partition: [e for e in events if e.partition == partition] for partition in {e.partition for e in events}}
    batches: list[list[Event]] = [[]]
    while left:
        partition = draw(st.sampled_from(sorted(left)))
        batches[-1].append(left[partition].pop(0))
        if not left[partition]:
            del left[partition]
        if len(batches) < MOST_BATCHES and draw(st.booleans()):
            batches.append([])
    return batches
