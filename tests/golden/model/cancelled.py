"""Due charges that a cancelled balance settles (data_due_cancelled_charges)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import grouped, like, total
from tests.golden.model.client_data import due_matches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.golden.model.billing_sources import Balance, Charge
    from tests.golden.model.vault import Vault


class Candidate(NamedTuple):
    """A charge without aggregate, once per due pattern that matches; gross and sum in cents, stored sign."""

    ouid: int
    transactionid: str | None
    gross: int | None
    place: int
    sum: int | None


def cancelled_charges(vault: Vault) -> dict[int, set[datetime | None]]:
    """Charge to the instants at which it was cancelled."""
    found: dict[int, set[datetime | None]] = {}
    for charge, instant in [*_by_balance(vault), *_bonuses(vault)]:
        found.setdefault(charge, set()).add(instant)
    return found


def _by_balance(vault: Vault) -> Iterator[tuple[int, datetime | None]]:
    """Same transaction, and same amount at the same place, or the amount is the sum."""
    balances = [row for row in vault.balances if row.status == "DUE_CANCELLED"]
    balances_of = grouped(balances, lambda row: row.transactionid)
    for candidate in _candidates(vault):
        for balance in balances_of.get(candidate.transactionid, []):
            same_place = balance.amount == candidate.gross and _balance_place(balance, balances) == candidate.place
            if balance.amount is not None and (same_place or balance.amount == candidate.sum):
                yield candidate.ouid, balance.datetimelastmodif


def _candidates(vault: Vault) -> list[Candidate]:
    charges = [row for row in vault.charges if row.aggregateid is None for _ in range(due_matches(row.glid))]
    return [
        Candidate(
            row.ouid,
            row.transactionid,
            row.taxincludedamount,
            _place(row, rows),
            total(r.taxincludedamount for r in rows),
        )
        for rows in grouped(charges, lambda row: row.transactionid).values()
        for row in rows
    ]


def _place(row: Charge, rows: list[Charge]) -> int:
    """n: candidate rows of the transaction with the same gross and an ouid up to the own."""
    return sum(other.taxincludedamount == row.taxincludedamount and other.ouid <= row.ouid for other in rows)


def _balance_place(row: Balance, balances: list[Balance]) -> int:
    same = Counter((other.transactionid, other.amount) for other in balances if other.ouid <= row.ouid)
    return same[row.transactionid, row.amount]


def _bonuses(vault: Vault) -> Iterator[tuple[int, datetime | None]]:
    """Bonuses with a cancellation of same account, customer and absolute gross, in any transaction."""
    cancellations = grouped((row for row in vault.charges if like(row.glid, "%_MANUAL_BONUS_CANCELLATION")), _bonus_key)
    for bonus in vault.charges:
        if like(bonus.glid, "%_MANUAL_BONUS"):
            for cancellation in cancellations.get(_bonus_key(bonus), []):
                yield bonus.ouid, cancellation.datetimecreate


def _bonus_key(row: Charge) -> tuple[int | None, int | None, int | None]:
    gross = row.taxincludedamount
    return row.billingaccountouid, row.customerouid, None if gross is None else abs(gross)
