"""Every audit notices the defect that it is for, no other audit does, and none finds anything in a clean list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.local.warehouse import create_octopus
from tests.checks.conftest import Plant, build_list, run_checks, violated

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

LIST = "report_oibl.new_tripica_results"
# The same rows as report_oibl.data_sap_bookings, which the rules read.
BOOKINGS = "report_oibl.new_bookkeeper_results"
# Lines of charges that were cut off in 2019.
UNLISTED = f"aggregate_id not in (select aggregate_id from {LIST} where aggregate_id is not null)"
# The families of rows, as section 15 of the specification tells them apart.
OPEN_ITEM = "aggregate_id is null"
BOOKING = "aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid is distinct from ''"
TAX = "aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid = ''"
PAYMENT = "billing_account_balance_ouid <> ''"
ALLOCATED = "aggregate_id is not null and billing_account_balance_ouid is null"

# Yesterday's lists, equal to today's.
PUBLISHED = (
    f"create table report_oibl.tripica_results as select * from {LIST};"
    "create table report_oibl.bookkeeper_results as select * from report_oibl.new_bookkeeper_results;"
    "grant select on all tables in schema report_oibl to billing_aggregator;"
)
BALANCED = "tripica/300_debit_equals_credit"
JOURNAL = "tripica/300_bookings_equal_journal"


@dataclass(frozen=True)
class Case:
    """A defect: how it is planted, and all audits that notice it."""

    name: str
    defect: str
    expected: set[str]
    settings: dict[str, str] = field(default_factory=dict)


def one(where: str, table: str = LIST) -> str:
    """Choose one row."""
    return f"ctid = (select min(ctid) from {table} where {where})"


def change(values: str, where: str, table: str = LIST) -> str:
    """Change one row."""
    return f"update {table} set {values} where {one(where, table)}"


def remove(where: str, table: str = LIST) -> str:
    """Remove one row."""
    return f"delete from {table} where {one(where, table)}"


def twice(where: str, table: str = LIST) -> str:
    """Double one row."""
    return f"insert into {table} select * from {table} where {one(where, table)}"


CASES = [
    # Bookkeeper: the journal against the bookings, by two routes.
    Case(
        "published booking lost",
        remove(UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "published booking doubled",
        twice(UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "published booking on the other side",
        change("newbs = case newbs when '40' then '50' else '40' end", UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "amount of a posting line",
        "update bookkeeper_vault.journal_entry_item_source_items set amount = amount * 3",
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "amount of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set amount = amount * 3",
        {"bookkeeper/200_tax_lines_complete"},
    ),
    Case(
        "base of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set base_amount = base_amount * 3",
        {"bookkeeper/200_tax_lines_complete"},
    ),
    Case(
        "tax line doubled",
        twice(f"aggregate_id in (select aggregate_id from {LIST} where {BOOKING})", "report_oibl.base_data_bbtax"),
        {"bookkeeper/200_tax_lines_complete", JOURNAL},
    ),
    Case(
        "head lost",
        remove(
            "xbelnr not in (select xblnr from report_oibl.base_data_bbtax)",
            "report_oibl.base_data_bbkpf",
        ),
        {"bookkeeper/200_document_heads_complete"},
    ),
    Case(
        "document out of balance",
        "update bookkeeper_vault.journal_entry_items set amount = amount + 1 where account = '14000000'",
        {"bookkeeper/300_documents_balanced"},
    ),
    Case(
        "tax code without account",
        change("newko = null", "true", "report_oibl.base_data_bbtax"),
        {"bookkeeper/300_tax_codes_have_account"},
    ),
    Case(
        "an account's bookings are new",
        "create table report_oibl.bookkeeper_results as select * from report_oibl.new_bookkeeper_results "
        "where newko <> '80120040'; grant select on report_oibl.bookkeeper_results to billing_aggregator",
        {"bookkeeper/400_bookings_near_previous"},
    ),
    # The list and the client's data at all.
    Case(
        "no due charge type",
        "delete from report_oibl.client_data_due_charge_type",
        {
            "tripica/110_due_charge_types_configured",
            "tripica/200_open_items_complete",
            "tripica/200_open_items_well_formed",
        },
    ),
    Case(
        "empty list",
        f"truncate {LIST}",
        {
            "tripica/110_list_not_empty",
            "tripica/200_allocated_payments_complete",
            "tripica/200_charge_bookings_complete",
            "tripica/200_open_items_complete",
            "tripica/200_payment_balances_complete",
            "tripica/200_tax_bookings_complete",
        },
    ),
    # V1, V2: open items.
    Case(
        "open item twice",
        twice(OPEN_ITEM),
        {"tripica/200_open_items_complete", "tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item with a tax code",
        change("booking_tax_code = '1A'", OPEN_ITEM),
        {"tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item on the cancellation axis",
        change("analyticaxis = 'cancellation'", OPEN_ITEM),
        {"tripica/200_open_items_well_formed"},
    ),
    Case("open item lost", remove(OPEN_ITEM), {"tripica/200_open_items_complete"}),
    Case(
        "energy tax of an open item",
        change("amount_energy_tax = 0.01", OPEN_ITEM),
        {"tripica/200_open_items_complete"},
    ),
    Case(
        "gross of an open item",
        change("amount_gross = amount_gross + 0.01, amount_net = amount_net + 0.01", OPEN_ITEM),
        {"tripica/200_open_items_complete"},
    ),
    *[
        Case(
            f"{amount} of an open item alone",
            change(f"amount_{amount} = amount_{amount} + 0.01", f"{OPEN_ITEM} and glid not like '%_MANUAL_BONUS'"),
            {"tripica/200_open_items_complete", "tripica/300_gross_is_net_plus_vat"},
        )
        for amount in ("net", "gross", "vat")
    ],
    Case(
        "open item of a special bonus",
        change("analyticaxis = 'x.special.y'", f"{OPEN_ITEM} and glid like '%_MANUAL_BONUS'"),
        {"tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item of a type that is not due",
        change("glid = 'ELEC_ABSCHLAG_REJECTED'", OPEN_ITEM),
        {"tripica/200_open_items_complete", "tripica/200_open_items_well_formed"},
    ),
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect_is_noticed_by_its_check_alone(plant: Plant, clean_list: str, case: Case) -> None:
    assert violated(plant(clean_list, case.defect, "audits", case.settings)) == case.expected


@pytest.mark.parametrize(
    "change_of_no_harm",
    [
        pytest.param("", id="as it is"),
        pytest.param(PUBLISHED, id="same as yesterday"),
        pytest.param(
            f"{PUBLISHED} truncate report_oibl.tripica_results, report_oibl.bookkeeper_results", id="first list"
        ),
        pytest.param(
            change("due_date = null", "aggregate_id is null and glid like '%_CANCELLATION_BALANCE'"),
            id="cancellation balance without due date",
        ),
        pytest.param(
            "delete from report_oibl.client_data_vat_booking_accounts;"
            "update report_oibl.base_data_bbtax set newko = null;"
            f"update {LIST} set booking_mainledger_account = 'tax code: 1A' where {TAX}",
            id="client without VAT accounts",
        ),
    ],
)
def test_no_alarm_on_clean_data(plant: Plant, clean_list: str, change_of_no_harm: str) -> None:
    assert violated(plant(clean_list, change_of_no_harm, "audits")) == set()


def test_first_run_skips_the_comparison_with_the_previous_list(plant: Plant, clean_list: str) -> None:
    skipped = {name for name, result in plant(clean_list, "", "audits").items() if result.missing}
    assert skipped == {"bookkeeper/400_bookings_near_previous", "tripica/400_list_near_previous"}


@pytest.mark.parametrize("client", ["enercity", "client_without_folder"])
def test_no_check_fails_on_the_sample(postgres: EmbeddedPostgres, sample_template: str, client: str) -> None:
    database = f"checks_sample_{client}"
    create_octopus(postgres, database, template=sample_template)
    build_list(postgres, database, client)
    results = run_checks(postgres, database, "audits")
    assert {name for name in violated(results) if results[name].severity == "fail"} == set()
    for phase in ("prechecks", "audits"):
        here, there = (run_checks(postgres, database, phase, time_zone=zone) for zone in ("UTC", "Pacific/Auckland"))
        assert {name: result.violations for name, result in here.items()} == {
            name: result.violations for name, result in there.items()
        }, "a check depends on the session's time zone"


def test_every_check_has_a_case(postgres: EmbeddedPostgres, clean_list: str) -> None:
    assert set(run_checks(postgres, clean_list, "audits")) == set().union(*(case.expected for case in CASES))
