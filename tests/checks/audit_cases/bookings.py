"""Bookings of charges, payments and taxes: V3, V17, V19."""

from __future__ import annotations

from tests.checks.audit_cases.planting import (
    ALLOCATED,
    BALANCED,
    BOOKING,
    JOURNAL,
    LIST,
    OPEN_ITEM,
    PAYMENT,
    TAX,
    change,
    remove,
    twice,
)
from tests.checks.case import Case

CASES = [
    # Bookings of charges.
    Case(
        "a charge's bookings lost",
        f"delete from {LIST} where aggregate_id = (select min(aggregate_id) from {LIST} where {BOOKING} "
        f"and aggregate_id not in (select aggregate_id from {LIST} where {TAX}))",
        {"tripica/200_charge_bookings_complete"},
    ),
    Case(
        "bookings of a charge that was not posted",
        f"update {LIST} set applied_billing_charge_ouid = '1' "
        f"where {BOOKING} and applied_billing_charge_ouid = (select min(applied_billing_charge_ouid) from {LIST} "
        f"where {BOOKING})",
        {"tripica/200_charge_bookings_complete"},
    ),
    Case(
        "gross of a booking",
        change("amount_gross = amount_gross + 1, amount_net = amount_net + 1", BOOKING),
        {"tripica/200_charge_bookings_complete"},
    ),
    Case(
        "lower gross of a booking",
        change("amount_gross = amount_gross - 1, amount_net = amount_net - 1", BOOKING),
        {"tripica/200_charge_bookings_complete"},
    ),
    Case(
        "booking of one charge more",
        twice(BOOKING) + "; " + change("applied_billing_charge_ouid = '1'", BOOKING),
        {"tripica/200_charge_bookings_complete", BALANCED, JOURNAL},
    ),
    Case("booking doubled", twice(BOOKING), {"tripica/200_bookings_not_doubled", BALANCED, JOURNAL}),
    Case(
        "tax booking doubled",
        twice(f"{TAX} and applied_billing_charge_ouid <> ''"),
        {"tripica/200_bookings_not_doubled", BALANCED, JOURNAL},
    ),
    Case("allocated payment doubled", twice(ALLOCATED), {"tripica/200_bookings_not_doubled"}),
    # Payments, tax bookings, allocated payments.
    Case(
        "payment line lost",
        remove(PAYMENT),
        {"tripica/200_payment_balances_complete", "tripica/300_journal_lines_shown", JOURNAL},
    ),
    Case(
        "payment amount",
        change("amount_gross = amount_gross + 1", PAYMENT),
        {"tripica/200_payment_balances_complete"},
    ),
    Case(
        "payment line doubled",
        twice(PAYMENT),
        {"tripica/200_payment_balances_complete", BALANCED, JOURNAL},
    ),
    Case(
        "a document's tax bookings under another number",
        f"update {LIST} set booking_reference_document_number = 'BR_TRPC-X' where {TAX} and "
        f"booking_reference_document_number = (select min(booking_reference_document_number) from {LIST} where {TAX})",
        {"tripica/200_tax_bookings_complete"},
    ),
    Case(
        "allocated payment lost",
        f"delete from {LIST} where aggregate_id = (select min(aggregate_id) from {LIST} where {ALLOCATED})",
        {"tripica/200_allocated_payments_complete"},
    ),
    Case(
        "amount of an allocated payment",
        change("amount_gross = amount_gross + 1", ALLOCATED),
        {"tripica/200_allocated_payments_complete"},
    ),
    Case(
        "lower amount of an allocated payment",
        change("amount_gross = amount_gross - 1", ALLOCATED),
        {"tripica/200_allocated_payments_complete"},
    ),
    Case(
        "allocated payment that is not booked",
        twice(ALLOCATED) + "; " + change("aggregate_id = gen_random_uuid()::text", ALLOCATED),
        {"tripica/200_allocated_payments_complete"},
    ),
    # V3.
    Case(
        "booking with due date",
        change("due_date = '2024-01-01'", BOOKING),
        {"tripica/200_booking_rows_well_formed"},
    ),
    Case(
        "booking with balance date",
        change("balance_date = '2024-01-01'", BOOKING),
        {"tripica/200_booking_rows_well_formed"},
    ),
    Case(
        "debit and credit in one row",
        change("booking_debit_amount = 1, booking_credit_amount = 1", ALLOCATED),
        {"tripica/200_booking_rows_well_formed"},
    ),
    # V17.
    Case(
        "ended dunning lock",
        f"update {LIST} set dunning_lock_until = '2024-01-01' "
        f"where mba = (select min(mba) from {LIST} where dunning_lock_until is not null)",
        {"tripica/200_dunning_consistent"},
    ),
    Case(
        "dunning lock that ends before the run",
        "",
        {"tripica/200_dunning_consistent"},
        {"as_of": "2098-02-01"},
    ),
    Case(
        "two dunning levels of an account",
        change(
            "dunning_level = 9", f"{OPEN_ITEM} and mba in (select mba from {LIST} group by mba having count(*) > 9)"
        ),
        {"tripica/200_dunning_consistent"},
    ),
    # V19.
    *[
        Case(
            f"three decimals of {amount}",
            f"alter table {LIST} alter {amount} type numeric; "
            + change(f"{amount} = {amount} + 0.001", f"{where} and {amount} > 0"),
            {"tripica/200_amounts_exact", *others},
        )
        for amount, where, others in (
            ("amount_net", ALLOCATED, set[str]()),
            ("amount_gross", ALLOCATED, {"tripica/200_allocated_payments_complete"}),
            ("amount_vat", BOOKING, {"tripica/300_gross_is_net_plus_vat"}),
            ("amount_energy_tax", BOOKING, set[str]()),
            ("booking_debit_amount", ALLOCATED, set[str]()),
            ("booking_credit_amount", ALLOCATED, set[str]()),
        )
    ],
]
