"""Writes a batch of messages and how far the topic was taken, in one transaction of the database.

A batch goes to the server as one JSON text: the messages are JSON already, so nothing is quoted twice, and both
drivers bind one value.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.feeds.kafka.errors import OffsetsMovedError
from billing_aggregator.feeds.kafka.events import Event, RefusedError, read_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing_aggregator.feeds.kafka.topic import Message
    from billing_aggregator.postgres.protocols import Connection, Cursor

EVENTS = """
insert into orders_vault.order_event
    (topic, partition, "offset", event_id, event_type, order_id, occurred_at, payload)
select
    %(topic)s, (event ->> 'p')::integer, (event ->> 'o')::bigint, event -> 'e' ->> 'event_id', event ->> 't',
    event -> 'e' ->> 'order_id', (event ->> 'at')::timestamptz, event -> 'e'
from jsonb_array_elements(%(events)s::jsonb) as event
order by 2, 3
on conflict (event_id) do nothing
"""
# Of the events that were not inserted: the same payload again is a repetition, another one a conflict.
CONFLICTS = """
insert into orders_vault.rejected_event (topic, partition, "offset", raw, reason)
select
    %(topic)s, (event ->> 'p')::integer, (event ->> 'o')::bigint, convert_to((event -> 'e')::text, 'UTF8'),
    'conflicting event'
from json_array_elements(%(events)s::json) as event
inner join orders_vault.order_event as known on event -> 'e' ->> 'event_id' = known.event_id
where (known.topic, known.partition, known."offset")
    is distinct from (%(topic)s, (event ->> 'p')::integer, (event ->> 'o')::bigint)
    and known.payload <> (event -> 'e')::jsonb
on conflict (topic, partition, "offset") do nothing
"""
REJECTED = """
insert into orders_vault.rejected_event (topic, partition, "offset", raw, reason)
select
    %(topic)s, (message ->> 'p')::integer, (message ->> 'o')::bigint, decode(message ->> 'raw', 'base64'),
    message ->> 'reason'
from json_array_elements(%(rejected)s::json) as message
on conflict (topic, partition, "offset") do nothing
"""
# Only from where this reader began: whoever else has taken messages since has moved it.
MOVED = """
update orders_vault.consumed_offset as held set next_offset = (move ->> 'to')::bigint
from json_array_elements(%(moves)s::json) as move
where held.topic = %(topic)s and held.partition = (move ->> 'p')::integer
    and held.next_offset = (move ->> 'from')::bigint
"""
BEGUN = """
insert into orders_vault.consumed_offset (topic, partition, next_offset)
select %(topic)s, (move ->> 'p')::integer, (move ->> 'to')::bigint
from json_array_elements(%(moves)s::json) as move
where move ->> 'from' is null
on conflict (topic, partition) do nothing
"""
NEXT_OFFSETS = "select partition, next_offset from orders_vault.consumed_offset where topic = %s"
#: Classes of SQLSTATE: a value that cannot be, or one beyond a limit. What is known of it, the reading foresees.
REFUSED = frozenset({"22", "54"})
NOT_HELD = "the database cannot hold it"
CURRENCIES = "select code, minor_units from ledger.currency"


@dataclass
class Taken:
    """What became of the messages of a batch, in messages."""

    events: int = 0
    repeated: int = 0
    rejected: int = 0
    tombstones: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """All of them."""
        return self.events + self.repeated + self.rejected + self.tombstones

    def add(self, other: Taken) -> None:
        """Count another batch's messages too."""
        self.events += other.events
        self.repeated += other.repeated
        self.rejected += other.rejected
        self.tombstones += other.tombstones
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


class Intake:
    """Takes batches of one topic in.

    :param topic: its name, as the tables have it.
    :param minor_units: currency code -> decimals of its amounts.
    """

    def __init__(self, topic: str, minor_units: Mapping[str, int]) -> None:
        self._topic = topic
        self._minor_units = minor_units

    def write(
        self, connection: Connection, messages: Iterable[Message], moves: Mapping[int, tuple[int | None, int]]
    ) -> Taken:
        """Write *messages* and *moves*; leaves the commit to the caller, so that a lock can be checked with it.

        :param moves: partition -> offset from which the reader began (None: never before), offset to go on from.
        :raises OffsetsMovedError: another reader has taken messages of these partitions.
        """
        taken = Taken()
        events: list[tuple[Message, str]] = []
        rejected: list[tuple[Message, str]] = []
        for message in messages:
            if message.value is None:
                taken.tombstones += 1
                continue
            try:
                event = read_event(message.value, self._minor_units)
            except RefusedError as refused:
                rejected.append((message, str(refused)))
            else:
                events.append((message, _element(message, event)))
        with connection.cursor() as cursor:
            self._move(cursor, moves)
            rejected += [(message, NOT_HELD) for message in self._events(cursor, events, taken)]
            self._reject(cursor, rejected, taken)
        return taken

    def _events(self, cursor: Cursor, events: list[tuple[Message, str]], taken: Taken) -> list[Message]:
        """Insert *events*; return those that the server refuses, which no neighbour has to pay for."""
        if not events:
            return []
        cursor.execute("savepoint events")
        try:
            self._insert(cursor, [element for _, element in events], taken)
        except Exception as error:
            if (sqlstate(error) or "")[:2] not in REFUSED:
                raise
            cursor.execute("rollback to savepoint events")
            if len(events) == 1:
                return [events[0][0]]
            half = len(events) // 2
            return [*self._events(cursor, events[:half], taken), *self._events(cursor, events[half:], taken)]
        cursor.execute("release savepoint events")
        return []

    def _insert(self, cursor: Cursor, elements: list[str], taken: Taken) -> None:
        values = {"topic": self._topic, "events": f"[{','.join(elements)}]"}
        cursor.execute(EVENTS, values)
        new, conflicts = max(0, cursor.rowcount), 0
        if new < len(elements):
            cursor.execute(CONFLICTS, values)
            conflicts = max(0, cursor.rowcount)
        reasons = {"conflicting event": conflicts} if conflicts else {}
        taken.add(Taken(new, len(elements) - new - conflicts, conflicts, reasons=reasons))

    def _reject(self, cursor: Cursor, rejected: list[tuple[Message, str]], taken: Taken) -> None:
        if not rejected:
            return
        plain = [
            {
                "p": message.partition,
                "o": message.offset,
                "reason": reason,
                "raw": b64encode(message.value or b"").decode(),
            }
            for message, reason in rejected
        ]
        cursor.execute(REJECTED, {"topic": self._topic, "rejected": json.dumps(plain)})
        taken.add(Taken(rejected=len(rejected), reasons=dict(Counter(reason for _, reason in rejected))))

    def _move(self, cursor: Cursor, moves: Mapping[int, tuple[int | None, int]]) -> None:
        plain = [{"p": partition, "from": begin, "to": end} for partition, (begin, end) in sorted(moves.items())]
        values = {"topic": self._topic, "moves": json.dumps(plain)}
        cursor.execute(MOVED, values)
        moved = max(0, cursor.rowcount)
        if any(begin is None for begin, _ in moves.values()):
            cursor.execute(BEGUN, values)
            moved += max(0, cursor.rowcount)
        if moved != len(plain):
            raise OffsetsMovedError(f"{self._topic}: another run has taken messages that this one has read as well")


def next_offsets(connection: Connection, topic: str) -> dict[int, int]:
    """Return partition -> the first offset that was not taken yet; partitions that were never read are missing."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_OFFSETS, [topic])
        found = dict(cursor.fetchall())
    connection.commit()
    return found


def minor_units(connection: Connection) -> dict[str, int]:
    """Return the ledger's currencies and the decimals of their amounts."""
    with connection.cursor() as cursor:
        cursor.execute(CURRENCIES)
        found = dict(cursor.fetchall())
    connection.commit()
    return found


def _element(message: Message, event: Event) -> str:
    """Return an event with its place as JSON: the payload is JSON already, the rest needs no quoting."""
    return (
        f'{{"p":{message.partition},"o":{message.offset},"t":"{event.event_type}","at":"{event.occurred_at}",'
        f'"e":{event.payload}}}'
    )
