"""Write-offs: completed orders that cancel charges."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import BIGINT, berlin_day, characteristic, grouped, like, outer

if TYPE_CHECKING:
    from tests.golden.model.billing_sources import Note, Product
    from tests.golden.model.vault import Vault

_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
Rank = tuple[bool, datetime, int]


class WriteOff(NamedTuple):
    """A row of base_data_write_offs; *rank* orders by order date, null newest, then the newest note."""

    write_off_date: date | None
    write_off_reason: str | None
    write_off_note: str | None
    charge_ouid: int
    rank: Rank


def write_offs(vault: Vault) -> list[WriteOff]:
    """One row per charge number in CHARGES_OUIDS: the one of the latest order.

    Two readings: the rule speaks of the *text* of a piece, so that a number with and without a blank would give two
    rows (and doubled bookings); the rule for ties says "trim". The model trims. The sample has no such pair.
    """
    newest: dict[int, WriteOff] = {}
    for product, note in _completed(vault):
        for piece in (characteristic(product.characteristics, "CHARGES_OUIDS") or "").split(","):
            charge_ouid = charge_number(piece)
            if charge_ouid is not None:
                row = _row(product, note, charge_ouid)
                newest[charge_ouid] = max(newest.get(charge_ouid, row), row, key=lambda found: found.rank)
    return list(newest.values())


def charge_number(piece: str) -> int | None:
    """Digits, with one blank before or after at most; anything else is skipped (defect D6)."""
    if not re.fullmatch(r" ?[0-9]+|[0-9]+ ", piece) or int(piece) >= BIGINT:
        return None
    return int(piece)


def _completed(vault: Vault) -> list[tuple[Product, Note | None]]:
    order_items = grouped(vault.order_items, lambda row: row.product_ouid)
    completed = grouped((row for row in vault.orders if row.state == "COMPLETED"), lambda row: row.ouid)
    notes = grouped(vault.notes, lambda row: row.productorderouid)
    return [
        (product, note)
        for product in vault.products
        if like(product.name, "%ACTCHARGESCANCELLATION%")
        for item in order_items.get(product.ouid, [])
        for order in completed.get(item.productorderouid, [])
        for note in outer(notes.get(order.ouid))
    ]


def _row(product: Product, note: Note | None, charge_ouid: int) -> WriteOff:
    rank = (product.orderdate is None, product.orderdate or _BEGINNING, note.ouid or 0 if note else 0)
    reason = characteristic(product.characteristics, "CANCELLATION_REASON")
    return WriteOff(berlin_day(product.orderdate), reason, note.text if note else None, charge_ouid, rank)
