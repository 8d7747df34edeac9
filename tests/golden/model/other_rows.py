"""Rows that are not charges' own: payment balances, tax bookings, payment allocations; and the sign correction."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.golden.model.accounts import Accounts
from tests.golden.model.amounts import VAT
from tests.golden.model.basics import berlin_day, euros, first, grouped, like, number, outer
from tests.golden.model.charge_rows import booking_columns, common
from tests.golden.model.client_data import CUT_OFF
from tests.golden.model.rows import ListRow, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.golden.model.billing_sources import Balance
    from tests.golden.model.charges import DataCharge
    from tests.golden.model.journal import Booking, Header, TaxLine
    from tests.golden.model.receivables_sources import PasBooking
    from tests.golden.model.vault import Vault

SENTINEL = Decimal(-1)
ZERO = Decimal(0)
PAS_CUT_OFF = date(2024, 1, 31)
CORRECTED = "VATExcludedAmount - ELECTRICITYTAX"


def payment_balances(vault: Vault, bookings: list[Booking]) -> Iterator[ListRow]:
    """Balances with an aggregate, created after the cut-off, with their bookings; not distinct."""
    accounts = Accounts(vault)
    booked = grouped(bookings, lambda row: row.aggregate_id)
    for balance in vault.balances:
        created = berlin_day(balance.datetimecreate)
        if balance.aggregateid and created and created > CUT_OFF:
            for owner in accounts.owners(balance.billingaccountouid):
                for booking in booked.get(balance.aggregateid, []):
                    row = _balance_row(balance, booking)
                    yield replace(
                        row,
                        cba=owner.cba,
                        mba=owner.mba,
                        customer_id=owner.customer_id,
                        migration_flag=owner.migration_flag,
                    )


def _balance_row(balance: Balance, booking: Booking) -> ListRow:
    cents = balance.amount
    amount = None if cents is None else euros(abs(cents))
    shown = amount if booking.amount_calculation == "TaxIncludedAmount" else SENTINEL
    return ListRow(
        applied_billing_charge_ouid="",
        billing_account_ouid="",
        login_ouid="",
        billing_account_balance_ouid=text(balance.ouid),
        tax_item_ouid="",
        datetimelastmodif=balance.datetimelastmodif,
        date_created=berlin_day(balance.datetimecreate),
        transaction_id=balance.transactionid,
        glid="PAYMENT_TRANSACTION",
        analyticaxis="BALANCE",
        bill_id="",
        amount_net=amount,
        amount_gross=amount,
        amount_vat=ZERO,
        amount_energy_tax=ZERO,
        aggregate_id=balance.aggregateid,
        accounting_id=balance.accountingid,
        booking_created_at=booking.beldat,
        **booking_columns(booking, shown, shown),
    )


def tax_bookings(lines: list[TaxLine], headers: list[Header], charges: list[DataCharge]) -> set[ListRow]:
    """Tax lines of Tripica's documents with their charges, if any, and the headers of their documents; distinct."""
    by_aggregate = grouped((row for row in charges if row.source.aggregateid), lambda row: row.source.aggregateid)
    by_document = grouped(headers, lambda row: row.xbelnr)
    return {
        _tax_row(line, header, charge)
        for line in lines
        if like(line.xblnr, "BR_TRPC%", "BR_REBK%", "BR_CANC%", "BR_MAN%")
        for header in by_document.get(line.xblnr, [])
        for charge in outer(by_aggregate.get(line.aggregate_id))
    }


def _tax_row(line: TaxLine, header: Header, charge: DataCharge | None) -> ListRow:
    tax, base = number(line.wrbed), number(line.fwbas)
    amount = _tax_amount(line, charge)
    row = common(charge) if charge else ListRow(billing_account_balance_ouid="", tax_item_ouid="")
    source = charge.source if charge else None
    return replace(
        row,
        applied_billing_charge_ouid=row.applied_billing_charge_ouid or "",
        billing_account_ouid=row.billing_account_ouid or "",
        login_ouid=row.login_ouid or "",
        customer_id=row.customer_id or "",
        transaction_id=row.transaction_id or "",
        glid=row.glid or "",
        analyticaxis=row.analyticaxis or "",
        bill_id=row.bill_id or "",
        aggregate_id=line.aggregate_id or "",
        accounting_id=(source.accountingid if source else None) or "",
        amount_net=first(row.amount_net, base),
        amount_gross=first(row.amount_gross, None if base is None or tax is None else base + tax),
        amount_vat=first(row.amount_vat, tax),
        amount_energy_tax=ZERO,
        booking_execution_id=-1,
        booking_created_at=line.booking_created,
        booking_date=header.budat,
        booking_order_number="/",
        booking_tax_code=line.mwskz,
        booking_mainledger_account=first(line.newko, f"tax code: {line.mwskz}"),
        booking_reference_document_number=line.xblnr,
        booking_debit_amount=amount if line.newbs == "40" else None,
        booking_credit_amount=amount if line.newbs == "50" else None,
        booking_amount_indicator=line.amount_calculation,
    )


def _tax_amount(line: TaxLine, charge: DataCharge | None) -> Decimal | None:
    """VAT with its aggregate's sign if the charge has both, else the line's amount; other formulas: sentinel."""
    if line.amount_calculation not in VAT:
        return SENTINEL
    if charge and charge.signs and charge.taxes.vat is not None:
        return charge.taxes.vat * charge.signs.vat
    return number(line.wrbed)


def payment_allocations(vault: Vault, bookings: list[Booking]) -> set[ListRow]:
    """PAS bookings by aggregate id up to the cut-off day and by document number from that day on; distinct."""
    payments = grouped(vault.pas_payments, lambda row: row.id)
    states = grouped(vault.pas_states, lambda row: row.id)
    return {
        _allocation(pas, payment.amount, state.payment_status, booking)
        for pas in vault.pas_bookings
        for payment in payments.get(pas.payment_id, [])
        for state in states.get(pas.payment_state_id, [])
        for booking in bookings
        if _allocated(pas, booking)
    }


def _allocated(pas: PasBooking, booking: Booking) -> bool:
    if booking.beldat is None:
        return False
    by_id = booking.aggregate_id == str(pas.id) and booking.beldat <= PAS_CUT_OFF
    by_document = pas.sap_id is not None and booking.xblnr == pas.sap_id and booking.beldat >= PAS_CUT_OFF
    return by_id or by_document


def _allocation(pas: PasBooking, amount: Decimal | None, status: str | None, booking: Booking) -> ListRow:
    return ListRow(
        glid=f"PAS_{status or ''}",
        amount_net=amount,
        amount_gross=amount,
        amount_vat=ZERO,
        aggregate_id=str(pas.id),
        booking_created_at=booking.beldat,
        booking_date=booking.budat,
        booking_order_number=booking.aufnr,
        booking_tax_code=booking.mwskz,
        booking_mainledger_account=booking.newko,
        booking_reference_document_number=booking.xblnr,
        booking_debit_amount=amount if booking.newbs == "40" else None,
        booking_credit_amount=amount if booking.newbs == "50" else None,
        booking_amount_indicator=booking.amount_calculation,
    )


def correct_signs(rows: list[ListRow]) -> list[ListRow]:
    """Electricity tax sign correction: in aggregates whose sums are both present and differ, one formula's debits."""
    groups = grouped(rows, lambda row: row.aggregate_id)
    unbalanced = {aggregate for aggregate, found in groups.items() if _differ(found)}
    return [_corrected(row) if row.aggregate_id in unbalanced else row for row in rows]


def _differ(rows: list[ListRow]) -> bool:
    debit, credit = _sum(row.booking_debit_amount for row in rows), _sum(row.booking_credit_amount for row in rows)
    return debit is not None and credit is not None and debit != credit


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    present = [amount for amount in amounts if amount is not None]
    return sum(present, ZERO) if present else None


def _corrected(row: ListRow) -> ListRow:
    debit = row.booking_debit_amount
    if debit is None or debit >= 0 or row.booking_amount_indicator != CORRECTED:
        return row
    return replace(row, booking_debit_amount=abs(debit))
