"""When an overpayment was used up, per transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.model.basics import berlin_day, characteristic, grouped, latest, total
from tests.golden.model.due_dates import REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from tests.golden.model.billing_sources import Charge
    from tests.golden.model.vault import Vault

CREDIT = "OVERPAYMENT_CREDIT"
USED = "OVERPAYMENT_USED"
Reason = tuple["str | None", "date | None"]


def overpayment_dates(vault: Vault) -> dict[str, date | None]:
    """data_overpayment_balance_dates: the latest date of each transaction, nulls last."""
    reasons = [
        *_used_in_transaction(vault),
        *_rejected(vault),
        *_refund_cancelled(vault),
        *_payment_rejected(vault),
        *_payment_cancelled(vault),
        *_used_through_another(vault),
    ]
    return {
        transaction: latest(day for _, day in rows)
        for transaction, rows in grouped(reasons, lambda reason: reason[0]).items()
    }


def _of_glid(vault: Vault, *glids: str) -> list[Charge]:
    return [row for row in vault.charges if row.glid in glids]


def _used_in_transaction(vault: Vault) -> Iterator[Reason]:
    """1. Credits of at most the used amount: latest creation of a used charge."""
    for transaction, rows in grouped(_of_glid(vault, CREDIT, USED), lambda row: row.transactionid).items():
        credit = total(row.taxincludedamount for row in rows if row.glid == CREDIT)
        used = total(row.taxincludedamount for row in rows if row.glid == USED)
        if credit is not None and used is not None and credit <= used:
            yield transaction, latest(_created(row) for row in rows if row.glid == USED)


def _rejected(vault: Vault) -> Iterator[Reason]:
    """2. Rejected credits: their creation day, for the transaction that they reject."""
    for row in _of_glid(vault, "OVERPAYMENT_CREDIT_REJECTED"):
        yield characteristic(row.characteristics, REJECTED), _created(row)


def _refund_cancelled(vault: Vault) -> Iterator[Reason]:
    """3. Cancelled refunds: their creation day, for the transaction of the request behind the balance."""
    balances = grouped(vault.balances, lambda row: row.transactionid)
    items = grouped(vault.payment_items, lambda row: row.referredouid)
    requests = grouped(vault.requests, lambda row: row.ouid)
    for charge in _of_glid(vault, "OVERPAYMENT_REFUND_CANCEL"):
        for balance in balances.get(charge.transactionid, []):
            for item in items.get(balance.ouid, []):
                for request in requests.get(item.paymentouid, []):
                    yield request.transactionid, _created(charge)


def _payment_rejected(vault: Vault) -> Iterator[Reason]:
    """4. Rejected request in the transaction of a credit or used charge: day of its last change."""
    overpaid = {row.transactionid for row in _of_glid(vault, CREDIT, USED)}
    for request in vault.requests:
        if request.status == "REJECTED" and request.transactionid in overpaid:
            yield request.transactionid, berlin_day(request.datelastchangestatus)


def _payment_cancelled(vault: Vault) -> Iterator[Reason]:
    """5. Cancelled request in the transaction of a credit that has a paid balance: day of its last change."""
    credited = {row.transactionid for row in _of_glid(vault, CREDIT)}
    paid = {row.transactionid for row in vault.balances if row.status == "PAID"}
    for request in vault.requests:
        if request.status == "CANCELLED" and request.transactionid in credited & paid:
            yield request.transactionid, berlin_day(request.datelastchangestatus)


def _used_through_another(vault: Vault) -> Iterator[Reason]:
    """6. Pairs with equal numbers per credit and per used charge: the used charge's day, for both transactions."""
    pairs = set(_pairs(vault))
    of_credit = grouped(pairs, lambda pair: pair[1].ouid)
    of_used = grouped(pairs, lambda pair: pair[0].ouid)
    for used, credit in pairs:
        rivals = sorted(_rank(row) for row, _ in of_credit[credit.ouid])
        offers = sorted(_rank(row) for _, row in of_used[used.ouid])
        if rivals.index(_rank(used)) == offers.index(_rank(credit)):
            yield used.transactionid, _created(used)
            yield credit.transactionid, _created(used)


def _pairs(vault: Vault) -> Iterator[tuple[Charge, Charge]]:
    """Used charge and credit of one account; that the balance's account is meant would be another reading."""
    requests = grouped(vault.requests, lambda row: row.transactionid)
    items = [row for row in vault.payment_items if row.referredtype == "CANCELLED_BALANCE"]
    items_of = grouped(items, lambda row: row.paymentouid)
    balances = grouped(vault.balances, lambda row: (row.ouid, row.amount))
    credits = grouped(
        _of_glid(vault, CREDIT), lambda row: (row.transactionid, row.billingaccountouid, row.taxincludedamount)
    )
    for used in _of_glid(vault, USED):
        for request in requests.get(used.transactionid, []):
            for item in items_of.get(request.ouid, []):
                for balance in balances.get((item.referredouid, item.amount), []):
                    key = (balance.transactionid, used.billingaccountouid, balance.amount)
                    for credit in credits.get(key, []):
                        yield used, credit


def _rank(row: Charge) -> tuple[str, int]:
    return row.transactionid or "", row.ouid


def _created(row: Charge) -> date | None:
    return berlin_day(row.datetimecreate)
