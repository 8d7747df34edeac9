"""Values, amounts, dates and numbers in texts: P8 to P11."""

from __future__ import annotations

from tests.checks.case import Case
from tests.checks.precheck_cases.planting import balance, charge

CASES = [
    # P8: known values.
    Case(
        "unknown tax category",
        "insert into datalake_vault.applied_billing_tax_rate values (1, 600000001, 'stromNEV', 1, 1)",
        {"tripica/300_tax_categories_known"},
    ),
    Case(
        "unknown formula",
        "update bookkeeper_vault.journal_entry_item_source_items set amount_formula = 'Gross' "
        "where amount_formula = 'TaxIncludedAmount'",
        {"bookkeeper/300_amount_formulas_known"},
    ),
    Case(
        "unknown formula of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set amount_formula = 'TaxIncludedAmount'",
        {"bookkeeper/300_amount_formulas_known"},
    ),
    Case(
        "unknown charge type",
        charge("glid = 'ELEC_DEPOSIT'"),
        {"tripica/300_charge_types_known"},
    ),
    Case("charge without type", charge("glid = null"), {"tripica/300_charge_types_known"}),
    Case("balance without status", balance("status = null"), {"tripica/300_statuses_known"}),
    Case(
        "order without state",
        "insert into datalake_vault.product_order values (1, null)",
        {"tripica/300_statuses_known"},
    ),
    Case(
        "tax row without category",
        "insert into datalake_vault.applied_billing_tax_rate values (1, 600000001, null, 1, 1)",
        {"tripica/300_tax_categories_known"},
    ),
    Case(
        "unknown balance status",
        balance("status = 'DUE_SOMEHOW'"),
        {"tripica/300_statuses_known"},
    ),
    Case(
        "request without status",
        "update datalake_vault.payment_request set status = null where ouid = 420000001",
        {"tripica/300_statuses_known"},
    ),
    Case(
        "unknown order state",
        "update datalake_vault.product_order set state = 'DRAFT' "
        "where ctid = (select min(ctid) from datalake_vault.product_order)",
        {"tripica/300_statuses_known"},
    ),
    # P10: amounts and dates.
    Case(
        "charge without amount",
        charge("taxincludedamount = null"),
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "credit below 0",
        "update datalake_vault.applied_billing_charge set taxincludedamount = -100, taxexcludedamount = -100 "
        "where ouid = (select min(ouid) from datalake_vault.applied_billing_charge where glid = 'OVERPAYMENT_CREDIT')",
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "balance of a hundred million euros",
        balance("amount = 10000000000"),
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "tax row without amount",
        "update datalake_vault.applied_billing_tax_rate set amount = null where ouid = "
        "(select min(ouid) from datalake_vault.applied_billing_tax_rate where taxcategory <> 'VAT')",
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "gross is not net and VAT",
        charge("taxexcludedamount = taxexcludedamount + 1"),
        {"tripica/300_gross_is_net_plus_vat"},
    ),
    Case(
        "modified before it was created",
        charge("datetimelastmodif = datetimecreate - interval '1 day'"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "created in the future",
        charge("datetimecreate = '2199-01-01', datetimelastmodif = '2199-01-01'"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "due without due date",
        balance("startdatetime = null"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "due in a hundred years",
        balance("startdatetime = '2124-01-01'"),
        {"tripica/300_dates_plausible"},
    ),
    *[
        Case(name, charge(values), {"tripica/300_amounts_plausible"})
        for name, values in (
            ("charge without net amount", "taxexcludedamount = null"),
            ("charge without net and gross", "taxexcludedamount = null, taxincludedamount = null"),
        )
    ],
    Case(
        "charge of a hundred million euros",
        charge("taxexcludedamount = 10000000000, taxincludedamount = 10000000000"),
        {"tripica/300_amounts_plausible", "tripica/300_gross_is_net_plus_vat"},
    ),
    Case("balance without amount", balance("amount = null"), {"tripica/300_amounts_plausible"}),
    *[
        Case(name, charge(values), {"tripica/300_dates_plausible"})
        for name, values in (
            ("charge without creation", "datetimecreate = null"),
            ("charge without modification", "datetimelastmodif = null"),
            ("charge of 1999", "datetimecreate = '1999-12-31 12:00:00+00'"),
            ("charge modified in the future", "datetimelastmodif = '2199-01-01 00:00:00+00'"),
        )
    ],
    *[
        Case(name, balance(values), {"tripica/300_dates_plausible"})
        for name, values in (
            ("balance without creation", "datetimecreate = null"),
            ("balance of 1999", "datetimecreate = '1999-12-31 12:00:00+00'"),
            ("balance of the future", "datetimecreate = '2199-01-01 00:00:00+00'"),
            ("balance due in 1999", "startdatetime = '1999-12-31 12:00:00+00'"),
            ("balance settled in 1999", "letteringdate = '1999-12-31 12:00:00+00'"),
            ("balance settled in the future", "letteringdate = '2199-01-01 00:00:00+00'"),
        )
    ],
    # P11: numbers in texts.
    Case(
        "tax reference with letters",
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '85x' "
        "where ctid = (select min(ctid) from bookkeeper_vault.transaction_item_taxes)",
        {"bookkeeper/300_tax_references_numeric"},
    ),
    Case(
        "tax reference beyond bigint",
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '9223372036854775808' "
        "where ctid = (select min(ctid) from bookkeeper_vault.transaction_item_taxes)",
        {"bookkeeper/300_tax_references_numeric"},
    ),
    *[
        Case(
            f"write-off of {piece!r}",
            "update datalake_vault.product set characteristics = characteristics || "
            f"jsonb_build_object('CHARGES_OUIDS', (characteristics ->> 'CHARGES_OUIDS') || ',{piece}') "
            "where ouid = (select min(product_ouid) from datalake_vault.order_item inner join "
            "datalake_vault.product_order on product_order.ouid = productorderouid and state = 'COMPLETED')",
            {"tripica/300_write_off_charge_numbers"},
        )
        for piece in ("", "12a34", "999", "99999999999999999999")
    ],
]
