"""Rows of charges: open items, and bookings of charges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.golden.model.amounts import Line, booking_amount
from tests.golden.model.basics import berlin_day, earliest, first, grouped, latest, outer
from tests.golden.model.client_data import due_matches
from tests.golden.model.overpayments import CREDIT, USED
from tests.golden.model.rows import ListRow, text

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.golden.model.aggregates import AggregateTax
    from tests.golden.model.charges import DataCharge
    from tests.golden.model.journal import Booking


def common(charge: DataCharge) -> ListRow:
    """Return the columns that all rows of a charge share."""
    source, owner, dunned = charge.source, charge.owner, charge.dunning
    return ListRow(
        applied_billing_charge_ouid=text(source.ouid),
        billing_account_ouid=text(owner.billing_account_ouid),
        login_ouid=text(owner.login_ouid),
        billing_account_balance_ouid="",
        tax_item_ouid="",
        datetimelastmodif=source.datetimelastmodif,
        cba=owner.cba,
        mba=owner.mba,
        customer_id=owner.customer_id,
        date_created=berlin_day(source.datetimecreate),
        transaction_id=source.transactionid,
        glid=source.glid,
        analyticaxis=source.analyticaxis or "",
        bill_id=charge.bill_id,
        write_off_date=charge.write_off_date,
        write_off_reason=charge.write_off_reason,
        write_off_note=charge.write_off_note,
        dunning_lock_until=dunned.dunning_lock_until,
        dunning_lock_reason=dunned.dunning_lock_reason,
        dunning_status=dunned.dunning_status,
        dunning_scenario=dunned.dunning_scenario,
        dunning_level=dunned.dunning_level,
        amount_net=charge.net,
        amount_gross=charge.gross,
        amount_vat=charge.taxes.vat,
        amount_energy_tax=charge.taxes.energy,
        migration_flag=owner.migration_flag,
    )


def open_items(
    charges: list[DataCharge],
    bookings: list[Booking],
    cancelled: dict[int, set[datetime | None]],
    overpayments: dict[str, date | None],
) -> list[ListRow]:
    """Return exactly one row per charge of a due type that can be due; ties as the specification proposes.

    Here, and only here, an empty aggregate id joins too (oddity D18; the sample has such a row).
    """
    booked = grouped(bookings, lambda row: row.aggregate_id)
    due = [row for row in charges if row.can_be_due and due_matches(row.source.glid)]
    rows = []
    for candidates in grouped(due, lambda row: row.source.ouid).values():
        charge = min(candidates, key=lambda row: row.rank)
        balance_date = _balance_date(
            charge,
            overpayments.get(charge.source.transactionid or ""),
            earliest(cancelled.get(charge.source.ouid, set())),
            latest(booking.budat for booking in booked.get(charge.source.aggregateid, [])),
        )
        rows.append(replace(common(charge), due_date=charge.due_date, balance_date=balance_date))
    return rows


def _balance_date(
    charge: DataCharge, overpaid: date | None, cancelled: datetime | None, booked: date | None
) -> date | None:
    """Overpayments have their own date; else the charge's, cancellation, ignored, booking."""
    if charge.source.glid in (CREDIT, USED):
        return overpaid
    ignored = charge.source.datetimelastmodif if charge.source.accountingid == "ignored" else None
    return first(charge.balance_date, berlin_day(cancelled), berlin_day(ignored), booked)


def charge_bookings(
    charges: list[DataCharge],
    bookings: list[Booking],
    taxes: dict[tuple[int, int], list[AggregateTax]],
    links: dict[int, set[int]],
) -> set[ListRow]:
    """Return the distinct rows of charges with a non-empty aggregate and the bookings of that aggregate."""
    booked = grouped((row for row in bookings if row.aggregate_id), lambda row: row.aggregate_id)
    return {
        booking_row(Line(charge, booking, tax))
        for charge in charges
        for booking in booked.get(charge.source.aggregateid, [])
        if _linked(booking, links.get(charge.source.ouid, set()))
        for tax in outer(taxes.get((booking.tax_aggregate_ouid or 0, charge.source.ouid)))
    }


def _linked(booking: Booking, links: set[int]) -> bool:
    """A VAT booking of a tax aggregate belongs to the charges that are linked to it."""
    if booking.tax_aggregate_ouid is None or not links or booking.amount_calculation not in ("VAT", "vat.Amount"):
        return True
    return booking.tax_aggregate_ouid in links


def booking_row(line: Line) -> ListRow:
    """Return the row of one posting line of a charge."""
    amount = booking_amount(line)
    return replace(
        common(line.charge),
        tax_item_ouid=text(line.tax.tax_ouid) if line.tax else None,
        aggregate_id=line.charge.source.aggregateid,
        accounting_id=line.charge.source.accountingid,
        booking_created_at=line.booking.booking_created,
        **booking_columns(line.booking, amount, amount),
    )


def booking_columns(booking: Booking, debit: Any, credit: Any) -> dict[str, Any]:
    """Return the columns that charges and payments take from a posting line."""
    account = booking.newko if booking.newko is not None else f"tax code: {booking.mwskz}"
    return {
        "booking_execution_id": -1,
        "booking_date": booking.budat,
        "booking_order_number": booking.aufnr,
        "booking_tax_code": booking.mwskz,
        "booking_mainledger_account": account,
        "booking_reference_document_number": booking.xblnr,
        "booking_debit_amount": debit if booking.newbs == "40" else None,
        "booking_credit_amount": credit if booking.newbs == "50" else None,
        "booking_amount_indicator": booking.amount_calculation,
    }
