"""Balance and due dates per transaction, with the chains of rejections and partial payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import berlin_day, characteristic, earliest, grouped, latest, like

if TYPE_CHECKING:
    from datetime import date

    from tests.golden.model.billing_sources import Balance, Charge
    from tests.golden.model.vault import Vault

CLOSED = ("DUE_LETTERED", "DUE_CANCELLED")
PASSES = 6
REJECTED = "rejectedChargeTransactionId"
PARTIALLY_PAID = "partiallyPaidChargeTransactionId"
DueDates = dict[str, "date | None"]
#: base_data_original_due_dates: transaction to the due dates of its rows.
Originals = dict[str, list["date | None"]]


class TransactionDates(NamedTuple):
    """A row of base_data_balance_date."""

    balance_date: date | None
    due_date: date | None


def due_balances(vault: Vault) -> dict[str, list[Balance]]:
    """Balances whose status starts with DUE, by transaction."""
    return grouped((row for row in vault.balances if like(row.status, "DUE%")), lambda row: row.transactionid)


def transaction_dates(vault: Vault) -> dict[str, TransactionDates]:
    """base_data_balance_date with the due date that the original due dates overwrite (last step of 7.3)."""
    stored = {key: _dates(rows) for key, rows in due_balances(vault).items()}
    originals = original_due_dates(vault, {key: row.due_date for key, row in stored.items()})
    for transaction, due_dates in originals.items():
        if transaction in stored:
            stored[transaction] = stored[transaction]._replace(due_date=earliest(due_dates))
    return stored


def _dates(balances: list[Balance]) -> TransactionDates:
    lettered = latest(berlin_day(row.letteringdate) for row in balances)
    modified = latest(berlin_day(row.datetimelastmodif) for row in balances if row.status in CLOSED)
    due = latest(berlin_day(row.startdatetime) for row in balances)
    return TransactionDates(lettered or modified, due)


def original_due_dates(vault: Vault, due: DueDates) -> Originals:
    """Steps 1 to 5 of the original due dates."""
    table = _originals(vault, due)
    _append_rejections(vault, table)
    _manual_consumption(vault, table)
    _follow_parents(vault, table, PARTIALLY_PAID)
    _follow_parents(vault, table, REJECTED)
    return table


def _originals(vault: Vault, due: DueDates) -> Originals:
    """Step 1: transactions of charges that are no rejections: due date of the balances, else latest creation."""
    charges = [row for row in vault.charges if characteristic(row.characteristics, REJECTED) is None]
    table: Originals = {}
    for transaction, rows in grouped(charges, lambda row: row.transactionid).items():
        due_date = due.get(transaction)
        table[transaction] = [due_date or latest(berlin_day(row.datetimecreate) for row in rows)]
    return table


def _append_rejections(vault: Vault, table: Originals) -> None:
    """Step 2: up to six passes; a pair whose rejected transaction is in the table appends a row per match."""
    pairs = {(row.transactionid, characteristic(row.characteristics, REJECTED)) for row in vault.charges}
    opened = {(child, parent) for child, parent in pairs if child is not None and parent is not None}
    for _ in range(PASSES):
        found = [(child, date) for child, parent in opened for date in table.get(parent, [])]
        for child, date in found:
            table.setdefault(child, []).append(date)
        resolved = {child for child, _ in found}
        opened = {(child, parent) for child, parent in opened if child not in resolved}


def _manual_consumption(vault: Vault, table: Originals) -> None:
    """Step 3: the earliest request day of the transaction, also if that is null."""
    requests = grouped(vault.requests, lambda row: row.transactionid)
    for transaction in {row.transactionid for row in vault.charges if like(row.glid, "%_MANUAL_CONSUMPTION")}:
        if transaction in table and transaction in requests:
            day = earliest(berlin_day(row.daterequest) for row in requests[transaction])
            table[transaction] = [day] * len(table[transaction])


def _follow_parents(vault: Vault, table: Originals, key: str) -> None:
    """Steps 4 and 5: one level along a characteristic; all parents are read before the update. Tie: earliest."""
    before = {transaction: list(dates) for transaction, dates in table.items()}
    for child, parents in parents_of(vault.charges, key).items():
        dates = [date for parent in parents for date in before.get(parent, [])]
        if child in table and dates:
            table[child] = [earliest(dates)] * len(table[child])


def parents_of(charges: list[Charge], key: str) -> dict[str, set[str]]:
    """Transaction to the transactions that its charges name under *key*."""
    parents: dict[str, set[str]] = {}
    for row in charges:
        parent = characteristic(row.characteristics, key)
        if row.transactionid is not None and parent is not None:
            parents.setdefault(row.transactionid, set()).add(parent)
    return parents
