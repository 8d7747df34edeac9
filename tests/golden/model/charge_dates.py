"""Dates of single charges: split statuses, refunds of bonuses, bills and bonuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import berlin_day, earliest, first, grouped, like
from tests.golden.model.due_dates import CLOSED, PARTIALLY_PAID, due_balances, parents_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.golden.model.billing_sources import Balance, Charge
    from tests.golden.model.due_dates import TransactionDates
    from tests.golden.model.vault import Vault

BONUS = "%_MANUAL_BONUS"


class SplitDate(NamedTuple):
    """A row of base_data_charge_specific_balance_date that belongs to a charge."""

    charge_ouid: int
    status: str | None
    transactionid: str
    balance_date: date | None
    due_date: date | None


class OwnDueDate(NamedTuple):
    """A row of base_data_charge_specific_due_date."""

    charge_ouid: int
    transactionid: str | None
    due_date: date | None


def split_dates(vault: Vault, dates: dict[str, TransactionDates]) -> list[SplitDate]:
    """base_data_charge_specific_balance_date: steps a, b, c."""
    rows = set(_split_by_status(vault))
    parents = parents_of(vault.charges, PARTIALLY_PAID)
    moved = [_with_parents_due_date(row, parents.get(row.transactionid, set()), dates) for row in rows]
    return moved + list(_refunded_bonuses(vault))


def _split_by_status(vault: Vault) -> list[SplitDate]:
    """Step a: transactions with more than one DUE status; charge and balance meet by amount and account."""
    charges = grouped(vault.charges, lambda row: (row.transactionid, row.taxincludedamount, row.billingaccountouid))
    rows = []
    for transaction, balances in due_balances(vault).items():
        if len({row.status for row in balances}) > 1:
            for balance in balances:
                for charge in charges.get((transaction, balance.amount, balance.billingaccountouid), []):
                    row = SplitDate(charge.ouid, balance.status, transaction, _settled(balance), _due(balance))
                    rows.append(row)
    return rows


def _settled(balance: Balance) -> date | None:
    modified = balance.datetimelastmodif if balance.status in CLOSED else None
    return berlin_day(first(balance.letteringdate, modified))


def _due(balance: Balance) -> date | None:
    return berlin_day(balance.startdatetime)


def _with_parents_due_date(row: SplitDate, parents: set[str], dates: dict[str, TransactionDates]) -> SplitDate:
    """Step b: due date of the partially paid parent, if the parent has a row (then also null). Tie: earliest."""
    known = [dates[parent].due_date for parent in parents if parent in dates]
    return row._replace(due_date=earliest(known)) if known else row


def _refunded_bonuses(vault: Vault) -> set[SplitDate]:
    """Step c: booked bonuses with a booked refund of the same account, transaction and gross.

    One row per distinct refund creation *instant*; rows of the same day are equal and need not be told apart.
    """
    refunds = grouped(_not_ignored(vault, "%_MANUAL_BONUS_REFUND"), _bonus_key)
    return {
        SplitDate(bonus.ouid, "", str(bonus.transactionid), _created(refund), _created(bonus))
        for bonus in _not_ignored(vault, BONUS)
        for refund in refunds.get(_bonus_key(bonus), [])
    }


def _not_ignored(vault: Vault, pattern: str) -> list[Charge]:
    return [row for row in vault.charges if like(row.glid, pattern) and row.accountingid != "ignored"]


def _bonus_key(row: Charge) -> tuple[int | None, str | None, int | None]:
    return row.billingaccountouid, row.transactionid, row.taxincludedamount


def _created(row: Charge) -> date | None:
    return berlin_day(row.datetimecreate)


def own_due_dates(vault: Vault) -> list[OwnDueDate]:
    """base_data_charge_specific_due_date: bills by their advice, ordinary bonuses by their creation."""
    advices = grouped(vault.advices, lambda row: row.ouid)
    bills = [
        OwnDueDate(
            charge.ouid, charge.transactionid, berlin_day(_bill_due(advice.paymentduedate, advice.datetimecreate))
        )
        for charge in vault.charges
        if like(charge.glid, "%_BILL", "%_BILL_MIGRATION")
        for advice in advices.get(charge.settlementnoteadviceouid, [])
    ]
    bonuses = [
        OwnDueDate(charge.ouid, charge.transactionid, _created(charge))
        for charge in vault.charges
        if like(charge.glid, BONUS) and charge.analyticaxis is not None and not like(charge.analyticaxis, "%special%")
    ]
    return bills + bonuses


def _bill_due(payment_due: datetime | None, created: datetime | None) -> datetime | None:
    return first(payment_due, created)
