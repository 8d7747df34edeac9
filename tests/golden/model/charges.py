"""Charges with account, customer, dates, dunning, write-off, taxes and signs (data_charges), and balances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tests.golden.model.accounts import Accounts
from tests.golden.model.aggregates import vat_signs
from tests.golden.model.basics import berlin_day, credit_like, euros, first, grouped, like, outer
from tests.golden.model.bill_ids import consumption_bill_ids
from tests.golden.model.charge_dates import own_due_dates, split_dates
from tests.golden.model.client_data import CUT_OFF
from tests.golden.model.due_dates import transaction_dates
from tests.golden.model.dunning import Dunning, dunning
from tests.golden.model.taxes import charge_taxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from tests.golden.model.accounts import Owner
    from tests.golden.model.aggregates import Signs
    from tests.golden.model.billing_sources import Advice, Charge
    from tests.golden.model.charge_dates import OwnDueDate, SplitDate
    from tests.golden.model.due_dates import TransactionDates
    from tests.golden.model.taxes import Taxes
    from tests.golden.model.vault import Vault
    from tests.golden.model.write_offs import WriteOff

NOT_DUNNED = Dunning(None, None, None, None, None)


@dataclass(frozen=True)
class DataCharge:
    """A row of data_charges; money in euros, credit-like gross and net negative."""

    source: Charge
    owner: Owner
    due_date: date | None
    bill_id: str | None
    balance_date: date | None
    net: Decimal | None
    gross: Decimal | None
    can_be_due: bool
    write_off_date: date | None
    write_off_reason: str | None
    write_off_note: str | None
    dunning: Dunning
    taxes: Taxes
    signs: Signs | None
    #: Where only one row of a charge may be shown, the lowest is: no column of the table.
    rank: tuple[Any, ...] = field(compare=False)


@dataclass(frozen=True)
class Joined:
    """One combination of the left joins of base_data_charges."""

    charge: Charge
    owner: Owner
    advice: Advice | None
    own: OwnDueDate | None
    transactions: OwnDueDate | None
    split: SplitDate | None
    dates: TransactionDates | None
    write_off: WriteOff | None


def data_charges(vault: Vault, as_of: date, write_offs: list[WriteOff]) -> list[DataCharge]:
    """Distinct rows of base_data_charges, joined to their taxes: charges without tax rows vanish."""
    taxes = charge_taxes(vault)
    signs = vat_signs(vault)
    dunned = dunning(vault, as_of)
    bill_ids = consumption_bill_ids(vault)
    return list(
        dict.fromkeys(
            _row(row, dunned, bill_ids, taxes[row.charge.ouid], signs.get(row.charge.aggregateid or ""))
            for row in sorted(_joined(vault, write_offs), key=_rank)
            if row.charge.ouid in taxes
        )
    )


def modified_in_time(charge: Charge) -> bool:
    """Cut-off: the Berlin day of the modification is after 2019-07-30."""
    day = berlin_day(charge.datetimelastmodif)
    return day is not None and day > CUT_OFF


def _joined(vault: Vault, write_offs: list[WriteOff]) -> Iterator[Joined]:
    accounts = Accounts(vault)
    dates = transaction_dates(vault)
    advices = grouped(vault.advices, lambda row: row.ouid)
    own_dates = own_due_dates(vault)
    own_by_charge = grouped(own_dates, lambda row: row.charge_ouid)
    own_by_transaction = grouped(own_dates, lambda row: row.transactionid)
    splits = grouped(split_dates(vault, dates), lambda row: row.charge_ouid)
    written_off = grouped(write_offs, lambda row: row.charge_ouid)
    for charge in filter(modified_in_time, vault.charges):
        for owner in accounts.owners(charge.billingaccountouid):
            for advice in outer(advices.get(charge.settlementnoteadviceouid)):
                for own in outer(own_by_charge.get(charge.ouid)):
                    for transactions in outer(own_by_transaction.get(charge.transactionid)):
                        for split in outer(splits.get(charge.ouid)):
                            for write_off in outer(written_off.get(charge.ouid)):
                                moment = dates.get(charge.transactionid or "")
                                yield Joined(charge, owner, advice, own, transactions, split, moment, write_off)


def _row(
    row: Joined, dunned: dict[str, Dunning], bill_ids: dict[str, str], taxes: Taxes, signs: Signs | None
) -> DataCharge:
    charge, split, written = row.charge, row.split, row.write_off
    flip = -1 if credit_like(charge.glid) else 1
    net, gross = euros(charge.taxexcludedamount), euros(charge.taxincludedamount)
    moment = split or row.dates
    return DataCharge(
        source=charge,
        owner=row.owner,
        due_date=_due_date(row),
        bill_id=first(row.advice.id if row.advice else None, bill_ids.get(charge.transactionid or "")),
        balance_date=moment.balance_date if moment else None,
        net=None if net is None else net * flip,
        gross=None if gross is None else gross * flip,
        can_be_due=_can_be_due(charge),
        write_off_date=written.write_off_date if written else None,
        write_off_reason=written.write_off_reason if written else None,
        write_off_note=written.write_off_note if written else None,
        dunning=dunned.get(row.owner.mba, NOT_DUNNED) if row.owner.mba is not None else NOT_DUNNED,
        taxes=taxes,
        signs=signs,
        rank=_rank(row),
    )


def _rank(row: Joined) -> tuple[Any, ...]:
    """Lowest login, MBA; split dates: settled before open, latest balance date, earliest due date; earliest bill.

    The dates are those of the joined rows; another reading would compare what an empty date falls back to.
    """
    split, transactions = row.split, row.transactions
    settled = split.balance_date if split else None
    return (
        row.owner.login_ouid or 0,
        row.owner.mba or "",
        -(settled or date.min).toordinal(),
        (split.due_date if split else None) or date.max,
        (transactions.due_date if transactions else None) or date.max,
    )


def _due_date(row: Joined) -> date | None:
    """Fees with an advice, cancellation balances, and everything else."""
    charge = row.charge
    own = row.own.due_date if row.own else None
    transactions = row.transactions.due_date if row.transactions else None
    split = row.split.due_date if row.split else None
    balance = row.dates.due_date if row.dates else None
    created = berlin_day(charge.datetimecreate)
    if like(charge.glid, "%_FEE") and charge.settlementnoteadviceouid is not None:
        return first(transactions, split, balance, created)
    if like(charge.glid, "%_CANCELLATION_BALANCE"):
        return first(own, transactions)
    return first(own, split, balance, created)


def _can_be_due(charge: Charge) -> bool:
    """Special bonuses and cancellation axes cannot be due."""
    special = like(charge.glid, "%MANUAL_BONUS") and like(charge.analyticaxis, "%special%")
    return not special and not like(charge.analyticaxis, "%cancellation%")
