"""What ``make run`` shows of a feed: events, invoices, the ledger, the outbox, as the warehouse has them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_aggregator.local import usage_report
from billing_aggregator.postgres.connection import postgres_hook

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres.protocols import Cursor

STATEMENT_SECONDS = 60
QUERIES = {
    "events": "select event_type, count(*) from orders_vault.order_event group by 1 order by 1",
    "rejected": "select reason, count(*) from orders_vault.rejected_event group by 1 order by 2 desc, 1",
    "waiting": "select event_type, count(*) from billing.waiting_event group by 1 order by 1",
    "invoices": "select status, currency, count(*), sum(total), sum(paid) from billing.invoices "
    "group by 1, 2 order by 1, 2",
    "ledger": "select owner, code, currency, debit, credit, balance from ledger.account_balance order by 1, 2, 3",
    "outbox": "select event_type, count(*), count(published_at) from billing.outbox group by 1 order by 1",
}
HEADS = {
    "events": ("events taken", "count"),
    "rejected": ("messages rejected", "count"),
    "waiting": ("events waiting", "count"),
    "invoices": ("invoices", "currency", "count", "total", "paid"),
    "ledger": ("account of", "code", "currency", "debit", "credit", "balance"),
    "outbox": ("outbox", "rows", "published"),
}


def feed_figures(config: ClientConfig) -> dict[str, list[list[str]]]:
    """Return the rows of each query as text; empty where the feed's schema is not there."""
    hook = postgres_hook(config, application_name="bda:report", statement_seconds=STATEMENT_SECONDS)
    with closing(hook.get_conn()) as connection, connection.cursor() as cursor:
        figures = {}
        for name, query in _queries(cursor).items():
            cursor.execute(query)
            figures[name] = [["-" if cell is None else str(cell) for cell in row] for row in cursor.fetchall()]
        return figures


def _queries(cursor: Cursor) -> dict[str, str]:
    """Return the queries of those schemas that are there."""
    cursor.execute(
        "select to_regclass('orders_vault.order_event') is not null, "
        "to_regclass('report_oibl.usage_results') is not null"
    )
    orders, usage = cursor.fetchone()
    return (QUERIES if orders else {}) | (usage_report.QUERIES if usage else {})


def feed_text(figures: dict[str, list[list[str]]]) -> str:
    """Return the figures as tables; the last line says whether the ledger adds up."""
    lines: list[str] = []
    for name, rows in figures.items():
        if rows:
            lines += ["", *_table((HEADS | usage_report.HEADS)[name], rows)]
    ledger = figures.get("ledger", figures.get("usage_ledger", []))
    return "\n".join([*lines, "", *_trial_balance(ledger)])


def _trial_balance(rows: list[list[str]]) -> list[str]:
    """Return a line for each currency: debits and credits, which are equal."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for _, _, currency, debit, credit, _ in rows:
        before = sums.get(currency, (Decimal(0), Decimal(0)))
        sums[currency] = (before[0] + Decimal(debit), before[1] + Decimal(credit))
    return [
        f"  trial balance {currency}: debit {debit}, credit {credit}{'' if debit == credit else ': THEY DIFFER'}"
        for currency, (debit, credit) in sorted(sums.items())
    ]


def _table(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    widths = [max(len(head[at]), *(len(row[at]) for row in rows)) for at in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
