"""A row of the list, and its text as the database prints it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from tests.golden.model.basics import CENT, UTC

Text = str | None
Day = date | None
Money = Decimal | None


@dataclass(frozen=True, kw_only=True)
class ListRow:
    """The 41 columns in order; what a family does not mention is null."""

    applied_billing_charge_ouid: Text = None
    billing_account_ouid: Text = None
    login_ouid: Text = None
    billing_account_balance_ouid: Text = None
    tax_item_ouid: Text = None
    datetimelastmodif: datetime | None = None
    cba: Text = None
    mba: Text = None
    customer_id: Text = None
    date_created: Day = None
    transaction_id: Text = None
    glid: Text = None
    analyticaxis: Text = None
    bill_id: Text = None
    due_date: Day = None
    balance_date: Day = None
    write_off_date: Day = None
    write_off_reason: Text = None
    write_off_note: Text = None
    dunning_lock_until: Day = None
    dunning_lock_reason: Text = None
    dunning_status: Text = None
    dunning_scenario: Text = None
    dunning_level: int | None = None
    amount_net: Money = None
    amount_gross: Money = None
    amount_vat: Money = None
    amount_energy_tax: Money = None
    aggregate_id: Text = None
    accounting_id: Text = None
    booking_execution_id: int | None = None
    booking_created_at: Day = None
    booking_date: Day = None
    booking_order_number: Text = None
    booking_tax_code: Text = None
    booking_mainledger_account: Text = None
    booking_reference_document_number: Text = None
    booking_debit_amount: Money = None
    booking_credit_amount: Money = None
    booking_amount_indicator: Text = None
    migration_flag: Text = None

    def texts(self) -> tuple[str | None, ...]:
        """Return the values as Postgres prints them with time zone UTC; money to two decimals."""
        return tuple(text(getattr(self, column)) for column in COLUMNS)


COLUMNS = tuple(field.name for field in fields(ListRow))
HIDDEN = (
    "applied_billing_charge_ouid",
    "billing_account_ouid",
    "login_ouid",
    "billing_account_balance_ouid",
    "tax_item_ouid",
    "datetimelastmodif",
    "dunning_status",
    "booking_execution_id",
)
VIEW_COLUMNS = tuple(column for column in COLUMNS if column not in HIDDEN)


def text(value: object) -> str | None:
    """One value as text."""
    if isinstance(value, Decimal):
        # Zero has no sign in the database.
        return f"{value.quantize(CENT) + 0:.2f}"
    if isinstance(value, datetime):
        shown = value.astimezone(UTC)
        fraction = f".{shown.microsecond:06d}".rstrip("0").rstrip(".")
        return f"{shown:%Y-%m-%d %H:%M:%S}{fraction}+00"
    return None if value is None else str(value)
