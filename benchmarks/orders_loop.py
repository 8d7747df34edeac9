"""What the feed is measured against: a loop that handles one event in one transaction, with prepared statements.

It writes the same tables with the same amounts, for orders in euros, in Python and with the fewest statements.
"""

from __future__ import annotations

import json
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

CENT = Decimal("0.01")
EVENT = """
insert into orders_vault.order_event (topic, partition, "offset", event_id, event_type, order_id, occurred_at, payload)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
OFFSET = """
insert into orders_vault.consumed_offset values (%s, %s, %s)
on conflict (topic, partition) do update set next_offset = excluded.next_offset
"""
RATE = """
select rate from billing.tax_rate where tax_region = %s and tax_class = %s and valid_from <= %s
and (valid_to is null or valid_to > %s)
"""
NUMBER = """
insert into billing.invoice_counter values (%s, 1)
on conflict (year) do update set last_number = invoice_counter.last_number + 1 returning last_number
"""
INVOICE = """
insert into billing.invoices (order_id, customer_id, invoice_number, currency, subtotal, tax, total, base_currency,
    fx_rate, base_total, status, idempotency_key, business_date, tax_region, occurred_at)
values (%s, %s, %s, 'EUR', %s, %s, %s, 'EUR', 1, %s, 'OPEN', %s, %s, %s, %s) returning id
"""
LINE = "insert into billing.invoice_lines values (%s, %s, %s, %s, %s, %s, %s, %s)"
TRANSACTION = """
insert into ledger.transaction (idempotency_key, kind, business_date, occurred_at, source)
values (%s, %s, %s, %s, 'orders') returning transaction_id
"""
ENTRY = "insert into ledger.entry values (%s, %s, %s, %s, %s, 'EUR', %s)"
OUTBOX = "insert into billing.outbox (aggregate, aggregate_id, event_type, payload_json) values ('invoice', %s, %s, %s)"
KNOWN = "select id, total, paid, status from billing.invoices where order_id = %s for update"
CHANGE = "update billing.invoices set status = %s, paid = %s, version = version + 1, updated_at = now() where id = %s"


class Loop:
    """Handles events one by one."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("drop trigger pending on orders_vault.order_event")
        assets, others = [("1000", "asset"), ("1200", "asset")], [("2200", "liability"), ("2300", "liability")]
        for code, kind in (*assets, *others, ("4000", "revenue")):
            side = "debit" if kind == "asset" else "credit"
            connection.execute(
                "insert into ledger.account (owner, code, kind, normal_side) values ('house', %s, %s, %s)",
                [code, kind, side],
            )
        found = connection.execute("select code, account_id from ledger.account").fetchall()
        connection.commit()
        self._accounts = dict(found)
        self._connection = connection

    def run(self, messages: Iterable[Any]) -> int:
        """Handle Kafka messages; return how many."""
        count = 0
        for message in messages:
            event = json.loads(message.value(), parse_float=Decimal)
            kind = event.get("event_type", "order_placed")
            at = event["timestamp"]
            place = ("orders", message.partition(), message.offset())
            self._run(EVENT, *place, event["event_id"], kind, event["order_id"], at, message.value().decode())
            self._run(OFFSET, "orders", message.partition(), message.offset() + 1)
            if kind == "order_placed":
                self._placed(event, at)
            else:
                self._changed(kind, event, at)
            self._connection.commit()
            count += 1
        return count

    def _run(self, query: str, *values: Any) -> Any:
        return self._connection.execute(query.encode(), values, prepare=True)

    def _placed(self, event: dict[str, Any], at: str) -> None:
        day = at[:10]
        taxes: dict[Decimal, Decimal] = {}
        lines = []
        for line in event["lines"]:
            rate = self._run(RATE, event["tax_region"], line["tax_class"], day, day).fetchone()[0]
            net = (line["qty"] * Decimal(line["unit_price"])).quantize(CENT, ROUND_HALF_UP)
            taxes[rate] = taxes.get(rate, Decimal(0)) + net
            lines.append((line["sku"], line["qty"], Decimal(line["unit_price"]), net, line["tax_class"], rate))
        subtotal = sum(taxes.values(), Decimal(0))
        tax = sum(((net * rate).quantize(CENT, ROUND_HALF_UP) for rate, net in taxes.items()), Decimal(0))
        number = self._run(NUMBER, int(day[:4])).fetchone()[0]
        own = (f"{day[:4]}-{number:08}", subtotal, tax, subtotal + tax, subtotal + tax)
        invoice = self._run(
            INVOICE, event["order_id"], event["customer_id"], *own, event["event_id"], day, event["tax_region"], at
        ).fetchone()[0]
        for position, values in enumerate(lines, 1):
            self._run(LINE, invoice, position, *values)
        parts = [("1200", "debit", subtotal + tax), ("4000", "credit", subtotal), ("2200", "credit", tax)]
        self._post(f"order:{event['event_id']}", "invoice", day, at, parts)
        self._tell(invoice, "invoice_created", event, subtotal + tax)

    def _changed(self, kind: str, event: dict[str, Any], at: str) -> None:
        invoice, total, paid, status = self._run(KNOWN, event["order_id"]).fetchone()
        day = at[:10]
        if kind == "payment_received":
            amount = Decimal(event["amount"])
            to_open = min(amount, max(Decimal(0), total - paid)) if status != "CANCELLED" else Decimal(0)
            parts = [("1000", "debit", amount), ("1200", "credit", to_open), ("2300", "credit", amount - to_open)]
            self._post(f"payment:{event['event_id']}", "payment", day, at, parts)
            full = paid + amount >= total
            self._run(CHANGE, "PAID" if full else "PARTIALLY_PAID", paid + amount, invoice)
            if full:
                self._tell(invoice, "invoice_paid", event, total)
        elif kind == "order_cancelled":
            parts = [("1200", "credit", total), ("4000", "debit", total)]
            self._post(f"cancel:{event['event_id']}", "cancellation", day, at, parts)
            self._run(CHANGE, "CANCELLED", paid, invoice)
            self._tell(invoice, "invoice_cancelled", event, total)
        else:
            self._run(CHANGE, "PAYMENT_FAILED", paid, invoice)
            self._tell(invoice, "payment_failed", event, total)

    def _post(self, key: str, kind: str, day: str, at: str, parts: list[tuple[str, str, Decimal]]) -> None:
        transaction = self._run(TRANSACTION, key, kind, day, at).fetchone()[0]
        for line, (code, side, amount) in enumerate([part for part in parts if part[2]], 1):
            self._run(ENTRY, transaction, line, self._accounts[code], side, amount, amount)

    def _tell(self, invoice: int, kind: str, event: dict[str, Any], total: Decimal) -> None:
        value = {"schema_version": 1, "type": kind, "order_id": event["order_id"], "total": str(total)}
        self._run(OUTBOX, str(invoice), kind, json.dumps(value))


def messages_of(brokers: dict[str, Any], topic: str, most: int) -> Iterable[Any]:
    """Yield at most *most* messages of *topic*, partition by partition as they come."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({**brokers, "group.id": "loop", "isolation.level": "read_committed"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    left = most
    until = time.monotonic() + 20
    while left and time.monotonic() < until:
        for message in consumer.consume(min(500, left), 1.0):
            assert message.error() is None, message.error()
            yield message
            left -= 1
            until = time.monotonic() + 20
    consumer.close()
