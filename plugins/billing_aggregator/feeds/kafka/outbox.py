"""The outbox as the relay sees it: what is to be sent, in which form, and what was sent.

The specification of the values is docs/feeds.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing_aggregator.postgres.protocols import Connection

# The event's id depends on the row alone, so that a reader can tell a repetition whatever happens to the topic.
UNPUBLISHED = """
select
    id, aggregate_id, event_type,
    (payload_json || jsonb_build_object(
        'event_id', md5('billing.outbox ' || %(source)s || ' ' || id)::uuid
    ))::text
from billing.outbox
where published_at is null
order by id
limit %(most)s
"""
FIRST = "select min(id) from billing.outbox where published_at is null"
MARK = """
with sent as (
    update billing.outbox set published_at = clock_timestamp()
    where id = any(%(ids)s::bigint[]) and published_at is null
    returning event_type, payload_json
)

select
    count(*), event_type = 'invoice_created', payload_json ->> 'currency',
    coalesce(sum((payload_json ->> 'total')::numeric), 0)
from sent
group by 2, 3
"""
AGE = """
select
    coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
from billing.outbox
where published_at is null
"""


class OutboxRow(NamedTuple):
    """A row to be sent: *key* names its aggregate, *value* is JSON."""

    id: int
    key: str
    event_type: str
    value: str


def unpublished(connection: Connection, source: str, most: int) -> list[OutboxRow]:
    """Return the first *most* rows that were not sent, in the order of their ids.

    :param source: client and environment; part of each event's id.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNPUBLISHED, {"source": source, "most": most})
        rows = [OutboxRow(*row) for row in cursor.fetchall()]
    connection.rollback()
    return rows


def first_unpublished(connection: Connection) -> int | None:
    """Return the smallest id that was not sent; None when all were."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST)
        found: int | None = cursor.fetchone()[0]
    connection.rollback()
    return found


@dataclass
class Sent:
    """What was marked as sent: rows, and the totals of the new invoices among them by currency."""

    rows: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, other: Sent) -> None:
        """Count what another batch has sent too."""
        self.rows += other.rows
        for currency, amount in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + amount


def mark(connection: Connection, ids: Collection[int]) -> Sent:
    """Mark rows as sent, those that were not before. Leaves the commit to the caller."""
    sent = Sent()
    with connection.cursor() as cursor:
        cursor.execute(MARK, {"ids": list(ids)})
        for rows, created, currency, amount in cursor.fetchall():
            sent.rows += rows
            if created and currency:
                sent.add(Sent(0, {currency: amount}))
    return sent


def outbox_age(connection: Connection) -> float:
    """Return how long the oldest row has waited to be sent, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(AGE)
        seconds = float(cursor.fetchone()[0])
    connection.rollback()
    return seconds
