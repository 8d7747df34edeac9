"""Section 21 of the specification in plain Python: one event after the other, no SQL, no floats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from tests.orders.events import Event

MINOR_UNITS = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0, "KWD": 3}
ZONE = ZoneInfo("Europe/Berlin")
LARGEST = Decimal(10) ** 14
NOTHING = Decimal(0)
#: Side, account, amount, base amount.
Line = tuple[str, str, Decimal, Decimal | None]


@dataclass(frozen=True)
class Rates:
    """Tax rates by region, class and first day; exchange rates by currency and day."""

    tax: dict[tuple[str, str, date], Decimal]
    exchange: dict[tuple[str, date], Decimal]

    def tax_rate(self, region: str, tax_class: str, day: date) -> Decimal | None:
        """Return the youngest rate that is valid on *day* (rule 3)."""
        known = [key for key in self.tax if key[:2] == (region, tax_class) and key[2] <= day]
        return self.tax[max(known)] if known else None

    def exchange_rate(self, currency: str, day: date) -> Decimal | None:
        """Return the newest rate of the seven days up to *day*; 1 for the base currency, which is EUR (rule 4)."""
        if currency == "EUR":
            return Decimal(1)
        days = [key[1] for key in self.exchange if key[0] == currency and day - timedelta(days=7) <= key[1] <= day]
        return self.exchange[currency, max(days)] if days else None


@dataclass
class Invoice:
    """One invoice, as the model has it."""

    event: Event
    subtotal: Decimal
    tax: Decimal | None = None
    total: Decimal | None = None
    base_total: Decimal | None = None
    rate: Decimal | None = None
    status: str = "ON_HOLD"
    paid: Decimal = NOTHING
    version: int = 1
    number: str | None = None


@dataclass
class Books:
    """What is there after some batches.

    :param postings: idempotency key -> kind, business date, the key that it reverses, lines.
    :param told: order -> event type, status, paid amount and version of each message.
    :param rejected: event id -> reason.
    :param waiting: events by order.
    """

    invoices: dict[str, Invoice] = field(default_factory=dict)
    postings: dict[str, tuple[str, date, str | None, list[Line]]] = field(default_factory=dict)
    told: dict[str, list[tuple[str, str, Decimal, int]]] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[Event]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def post(self, batch: Iterable[Event], rates: Rates) -> None:
        """Let a batch take effect."""
        opened = [invoice for invoice in self.invoices.values() if self._release(invoice, rates)]
        arrived: dict[str, list[Event]] = {}
        for event in sorted(batch, key=moment):
            arrived.setdefault(event.order_id, []).append(event)
        for order, events in arrived.items():
            for event in [event for event in events if event.event_type == "order_placed"]:
                opened += self._place(event, rates)
            arrived[order] = [event for event in events if event.event_type != "order_placed"]
        for invoice in sorted(opened, key=lambda invoice: moment(invoice.event)):
            year = day_of(invoice.event.occurred_at).year
            self.numbers[year] = self.numbers.get(year, 0) + 1
            invoice.number = f"{year}-{self.numbers[year]:08}"
            self._tell(invoice, "invoice_created")
        for order in {*arrived, *(invoice.event.order_id for invoice in opened)}:
            self._apply(order, arrived.get(order, []))

    def _place(self, event: Event, rates: Rates) -> list[Invoice]:
        units = MINOR_UNITS[event.content["currency"]]
        nets = [rounded(Decimal(line["qty"]) * Decimal(str(line["unit_price"])), units) for line in lines_of(event)]
        if sum(nets) >= LARGEST:
            self.rejected[event.event_id] = "amount too large"
        elif event.order_id in self.invoices:
            self.rejected[event.event_id] = "order already placed"
        else:
            invoice = Invoice(event, sum(nets, NOTHING))
            invoice.rate = rates.exchange_rate(event.content["currency"], day_of(event.occurred_at))
            self.invoices[event.order_id] = invoice
            if self._release(invoice, rates):
                invoice.version = 1
                return [invoice]
        return []

    def _release(self, invoice: Invoice, rates: Rates) -> bool:
        """Compute what an invoice on hold lacks and post it; return whether the rates are there."""
        if invoice.status != "ON_HOLD":
            return False
        event, day, units = invoice.event, day_of(invoice.event.occurred_at), units_of(invoice)
        by_rate: dict[Decimal | None, Decimal] = {}
        for line in lines_of(event):
            rate = rates.tax_rate(event.content.get("tax_region", "DE"), line.get("tax_class", "standard"), day)
            net = rounded(Decimal(line["qty"]) * Decimal(str(line["unit_price"])), units)
            by_rate[rate] = by_rate.get(rate, NOTHING) + net
        exchange = rates.exchange_rate(event.content["currency"], day)
        if None in by_rate or exchange is None:
            return False
        invoice.rate = exchange
        invoice.tax = sum((rounded(net * rate, units) for rate, net in by_rate.items() if rate is not None), NOTHING)
        invoice.total = invoice.subtotal + invoice.tax
        invoice.base_total = rounded(invoice.total * exchange, 2)
        invoice.status, invoice.version = "OPEN", invoice.version + 1
        credits = [("4000", invoice.subtotal), ("2200", invoice.tax)]
        self._book(f"order:{event.event_id}", "invoice", event, invoice, ("1200", invoice.total), credits)
        return True

    def _apply(self, order: str, arrived: list[Event]) -> None:
        events = sorted([*self.waiting.pop(order, []), *arrived], key=moment)
        invoice = self.invoices.get(order)
        cancelling = [event for event in events if event.event_type == "order_cancelled"]
        if invoice is None or (invoice.status == "ON_HOLD" and not cancelling):
            if events:
                self.waiting[order] = events
            return
        if invoice.status == "ON_HOLD":
            events.remove(cancelling[0])
            events.insert(0, cancelling[0])
        for event in events:
            if event.event_type == "order_cancelled":
                self._cancel(event, invoice)
            elif event.event_type == "payment_received":
                self._pay(event, invoice)
            else:
                if invoice.status not in ("PAID", "CANCELLED", "PAYMENT_FAILED"):
                    invoice.status, invoice.version = "PAYMENT_FAILED", invoice.version + 1
                self._tell(invoice, "payment_failed")

    def _pay(self, event: Event, invoice: Invoice) -> None:
        amount, units = Decimal(str(event.content["amount"])), units_of(invoice)
        if event.content["currency"] != invoice.event.content["currency"]:
            self.rejected[event.event_id] = "payment currency"
            return
        if amount <= 0 or amount >= LARGEST or amount != rounded(amount, units):
            self.rejected[event.event_id] = "payment amount"
            return
        total = invoice.total if invoice.total is not None and invoice.status != "CANCELLED" else None
        settled = NOTHING if total is None else max(min(amount, total - invoice.paid), NOTHING)
        credits = [("1200", settled), ("2300", amount - settled)]
        self._book(f"payment:{event.event_id}", "payment", event, invoice, ("1000", amount), credits)
        was_paid = invoice.status == "PAID"
        invoice.paid += amount
        invoice.version += 1
        if total is not None:
            invoice.status = "PAID" if invoice.paid >= total else "PARTIALLY_PAID"
            if invoice.status == "PAID" and not was_paid:
                self._tell(invoice, "invoice_paid")

    def _cancel(self, event: Event, invoice: Invoice) -> None:
        if invoice.status == "CANCELLED":
            return
        first = f"order:{invoice.event.event_id}"
        if first in self.postings:
            mirrored: list[Line] = [
                ("credit" if side == "debit" else "debit", account, amount, base)
                for side, account, amount, base in self.postings[first][3]
            ]
            self.postings[f"cancel:{event.event_id}"] = "cancellation", day_of(event.occurred_at), first, mirrored
            moved = min(invoice.paid, invoice.total or NOTHING)
            self._book(
                f"credit:{event.event_id}", "customer_credit", event, invoice, ("1200", moved), [("2300", moved)]
            )
        invoice.status, invoice.version = "CANCELLED", invoice.version + 1
        self._tell(invoice, "invoice_cancelled")

    def _tell(self, invoice: Invoice, event_type: str) -> None:
        if invoice.number is not None:
            row = (event_type, invoice.status, invoice.paid, invoice.version)
            self.told.setdefault(invoice.event.order_id, []).append(row)

    def _book(
        self, key: str, kind: str, event: Event, invoice: Invoice, debit: tuple[str, Decimal],
        credits: list[tuple[str, Decimal]],
    ) -> None:  # fmt: skip
        """Book one debit and its credits; a difference in base goes to the largest credit (rule 4)."""
        if not debit[1]:
            return

        def in_base(amount: Decimal) -> Decimal | None:
            return None if invoice.rate is None else rounded(amount * invoice.rate, 2)

        lines: list[Line] = [("credit", account, amount, in_base(amount)) for account, amount in credits if amount]
        base = in_base(debit[1])
        if base is not None:
            largest = max(range(len(lines)), key=lambda place: (lines[place][2], -place))
            others = sum((line[3] or NOTHING for place, line in enumerate(lines) if place != largest), NOTHING)
            lines[largest] = (*lines[largest][:3], base - others)
        self.postings[key] = kind, day_of(event.occurred_at), None, [("debit", *debit, base), *lines]


def moment(event: Event) -> tuple[datetime, int, int]:
    """Return what orders events (rule 9)."""
    return event.occurred_at, event.partition, event.offset


def day_of(instant: datetime) -> date:
    """Return the business day."""
    return instant.astimezone(ZONE).date()


def rounded(amount: Decimal, units: int) -> Decimal:
    """Round half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-units), ROUND_HALF_UP)


def lines_of(event: Event) -> list[dict[str, Any]]:
    """Return the lines of an order."""
    lines: list[dict[str, Any]] = event.content["lines"]
    return lines


def units_of(invoice: Invoice) -> int:
    """Return the decimals of the invoice's currency."""
    return MINOR_UNITS[invoice.event.content["currency"]]
