"""What a feed has made of its topic, without what may differ between two runs: ids, invoice numbers, times."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.feeds.surroundings import Shop

QUERIES = {
    "events": "select event_id, payload::text from orders_vault.order_event order by 1",
    "rejected": "select partition, \"offset\", encode(raw, 'hex'), reason from orders_vault.rejected_event "
    "order by 1, 2",
    "offsets": "select partition, next_offset from orders_vault.consumed_offset where next_offset > 0 order by 1",
    "invoices": "select order_id, customer_id, currency, subtotal, tax, total, base_total, status, paid, version, "
    "business_date, idempotency_key from billing.invoices order by 1",
    "entries": "select t.idempotency_key, e.line, a.owner, a.code, e.side, e.amount, e.currency, e.base_amount "
    "from ledger.entry as e join ledger.transaction as t using (transaction_id) "
    "join ledger.account as a using (account_id) order by 1, 2",
    "waiting": "select event_id from billing.waiting_event order by 1",
    "pending": "select count(*) from orders_vault.pending_event",
    "unsent": "select count(*) from billing.outbox where published_at is null",
    "numbers": "select count(*), min(invoice_number), max(invoice_number) from billing.invoices "
    "where invoice_number is not null",
}
#: Fields of a published value that depend on the order in which invoices were posted.
OWN = ("event_id", "invoice_id", "invoice_number")


def result(shop: Shop) -> dict[str, Any]:
    """Return the database's side of it."""
    return {name: [tuple(map(str, row)) for row in shop.rows(query)] for name, query in QUERIES.items()}


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Return what differs, shortly; empty when nothing does."""
    lines = []
    for name, rows_of_one in one.items():
        left, right = Counter(map(str, rows_of_one)), Counter(map(str, other[name]))
        for sign, rows in (("-", left - right), ("+", right - left)):
            lines += [f"{name} {sign} {row}" for row in list(rows)[:3]]
    return "\n".join(lines)


def published_problems(shop: Shop, messages: list[dict[str, Any]]) -> str:
    """Return what is wrong with the events' topic: each outbox row once, in the order of its id per key."""
    ids = [int(message["headers"]["outbox_id"]) for message in messages]
    kept = dict(shop.rows("select id, aggregate_id from billing.outbox"))
    problems = [f"row {each} stands {count} times" for each, count in Counter(ids).items() if count > 1]
    problems += [f"row {each} is missing" for each in sorted(set(kept) - set(ids))]
    problems += [f"row {each} is not of the outbox" for each in sorted(set(ids) - set(kept))]
    last: dict[str, int] = {}
    for message, each in zip(messages, ids, strict=True):
        if message["key"] != kept.get(each):
            problems.append(f"row {each} has the key {message['key']}")
        if each < last.get(message["key"], 0):
            problems.append(f"row {each} stands behind row {last[message['key']]}")
        last[message["key"]] = each
    return "\n".join(problems[:5])


def published_values(messages: list[dict[str, Any]]) -> list[str]:
    """Return the values by order, without what depends on the order of posting."""
    found: dict[str, list[str]] = {}
    for message in messages:
        value = json.loads(message["value"])
        order = value["order_id"]
        found.setdefault(order, []).append(json.dumps({k: v for k, v in value.items() if k not in OWN}, sort_keys=True))
    return [f"{order}: {values}" for order, values in sorted(found.items())]
