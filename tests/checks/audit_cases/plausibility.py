"""Rules about single rows and about the night before: V4 to V16, P7, P14, P18."""

from __future__ import annotations

from tests.checks.audit_cases.planting import (
    ALLOCATED,
    BALANCED,
    BOOKING,
    BOOKINGS,
    JOURNAL,
    LIST,
    OPEN_ITEM,
    PAYMENT,
    PUBLISHED,
    TAX,
    UNLISTED,
    change,
)
from tests.checks.case import Case

CASES = [
    # V4 to V10, V12, V14, V16.
    Case(
        "debit is not credit",
        change("booking_debit_amount = booking_debit_amount + 1", f"{BOOKING} and booking_debit_amount > 0"),
        {BALANCED, JOURNAL},
    ),
    Case(
        "both sides differ from the journal",
        f"update {LIST} set booking_debit_amount = booking_debit_amount * 2, "
        f"booking_credit_amount = booking_credit_amount * 2 "
        f"where aggregate_id = (select min(aggregate_id) from {LIST} where {BOOKING})",
        {JOURNAL},
    ),
    Case(
        "booking under another account",
        f"update {LIST} set booking_mainledger_account = '99999999' where booking_debit_amount is not null "
        f"and aggregate_id = (select min(aggregate_id) from {LIST} where {BOOKING})",
        {"tripica/300_journal_lines_shown"},
    ),
    Case(
        "posting line of an unknown aggregate",
        change("aggregate_id = 'unknown'", UNLISTED, BOOKINGS),
        {"tripica/300_aggregates_known"},
    ),
    Case(
        "booking without amount",
        change("booking_debit_amount = null, booking_credit_amount = null", ALLOCATED),
        {"tripica/300_bookings_have_amount"},
    ),
    Case(
        "sentinel amount of a payment",
        change("booking_debit_amount = -1", f"{PAYMENT} and booking_debit_amount is not null"),
        {"tripica/300_no_sentinel_amounts", "tripica/400_usual_signs", BALANCED, JOURNAL},
    ),
    Case(
        "booking of 0",
        change("booking_debit_amount = 0", f"{BOOKING} and booking_debit_amount > 0"),
        {"tripica/300_bookings_not_zero", BALANCED, JOURNAL},
    ),
    Case(
        "tax code for an account",
        change("booking_mainledger_account = 'tax code: 1A'", TAX),
        {"tripica/300_accounts_mapped"},
    ),
    Case(
        "open item without due date",
        change("due_date = null", f"{OPEN_ITEM} and glid not like '%_CANCELLATION_BALANCE'"),
        {"tripica/300_open_items_have_due_date"},
    ),
    Case(
        "gross is not net and VAT",
        change("amount_net = amount_net + 1", BOOKING),
        {"tripica/300_gross_is_net_plus_vat"},
    ),
    Case(
        "gross of a bonus is not net less VAT",
        change("amount_vat = - amount_vat", f"{BOOKING} and glid like '%_MANUAL_BONUS'"),
        {"tripica/300_gross_is_net_plus_vat"},
    ),
    Case(
        "charge without customer",
        change("customer_id = null", BOOKING),
        {"tripica/300_charges_have_customer"},
    ),
    Case(
        "charge without master account",
        change("mba = null", OPEN_ITEM),
        {"tripica/300_charges_have_customer"},
    ),
    # P7, P14, P18: source checks that need what init makes.
    Case(
        "due charge without tax row",
        "insert into datalake_vault.applied_billing_charge (ouid, datetimelastmodif, glid) "
        "values (1, '2024-01-01 00:00:00+00', 'ELEC_ABSCHLAG')",
        {"tripica/300_due_charges_have_tax_rows"},
    ),
    Case(
        "due charge booked on two days",
        f"update {BOOKINGS} set budat = budat - 1 where ctid = (select min(line.ctid) "
        f"from {BOOKINGS} as line inner join datalake_vault.applied_billing_charge "
        f"on aggregateid = line.aggregate_id and glid = 'DUNNING_FEE' inner join {LIST} as list "
        "on list.applied_billing_charge_ouid = ouid::text and list.aggregate_id is null "
        "and list.balance_date = line.budat)",
        {"tripica/300_booking_dates_unambiguous"},
    ),
    Case(
        "due charge type without charges",
        "insert into report_oibl.client_data_due_charge_type (glid) values ('WATER_FEE')",
        {"tripica/400_due_charge_types_used"},
    ),
    Case(
        "two due charge types for one charge",
        "insert into report_oibl.client_data_due_charge_type (glid) values ('DUNNING_%')",
        {"tripica/400_due_charge_types_distinct"},
    ),
    # V11, V13, V15.
    Case("due in 1999", change("due_date = '1999-12-31'", OPEN_ITEM), {"tripica/400_dates_in_order"}),
    Case(
        "settled before it was created",
        change("balance_date = date_created - 1", OPEN_ITEM),
        {"tripica/400_dates_in_order"},
    ),
    Case(
        "debit below 0",
        change("booking_debit_amount = - booking_debit_amount", f"{ALLOCATED} and booking_debit_amount > 0"),
        {"tripica/400_usual_signs"},
    ),
    Case(
        "credit below 0",
        change("booking_credit_amount = - booking_credit_amount", f"{ALLOCATED} and booking_credit_amount > 0"),
        {"tripica/400_usual_signs"},
    ),
    Case(
        "credit to the customer above 0",
        change(
            "amount_gross = - amount_gross, amount_net = - amount_net",
            f"{OPEN_ITEM} and glid = 'OVERPAYMENT_CREDIT'",
        ),
        {"tripica/200_open_items_complete", "tripica/400_usual_signs"},
    ),
    Case(
        "twice the amount of yesterday",
        f"{PUBLISHED} update report_oibl.tripica_results set amount_gross = amount_gross / 2 "
        "where glid = 'ELEC_ABSCHLAG'",
        {"tripica/400_list_near_previous"},
    ),
    Case(
        "twice the bookings of yesterday",
        f"{PUBLISHED} update report_oibl.bookkeeper_results set wrbed_aggregate = '0,00' where newko = '14000000'",
        {"bookkeeper/400_bookings_near_previous"},
    ),
    Case(
        "a quarter less than yesterday",
        f"create table report_oibl.tripica_results as select * from {LIST}; "
        f"insert into report_oibl.tripica_results select * from {LIST} where glid = 'ELEC_ABSCHLAG' limit 200; "
        "grant select on report_oibl.tripica_results to billing_aggregator",
        {"tripica/400_list_near_previous"},
    ),
]
