-- warn: every exported posting line of a listed aggregate is in the list
-- Purpose: result check V14. Charges cut off in 2019 or without tax rows take their lines with them, but for tax lines
--     (defect D14); so a line counts only if its aggregate has other rows in the list.
-- Grain: one row per document, account and formula of an aggregate without a row in the list.
-- Sources: report_oibl.data_sap_bookings, new_tripica_results.
with missing as materialized (
    select
        line.aggregate_id,
        line.xblnr,
        line.newko,
        line.amount_calculation
    from report_oibl.data_sap_bookings as line
    where
        line.aggregate_id <> ''
        and not exists (
            select from report_oibl.new_tripica_results as list
            where
                line.aggregate_id = list.aggregate_id
                and line.xblnr = list.booking_reference_document_number
                and coalesce(line.newko, 'tax code: ' || line.mwskz) = list.booking_mainledger_account
                and coalesce(line.amount_calculation, '') = coalesce(list.booking_amount_indicator, '')
        )
)

select
    missing.aggregate_id,
    missing.xblnr as document_number,
    missing.newko as account,
    missing.amount_calculation as formula
from missing
where
    exists (
        select from report_oibl.new_tripica_results as list
        where
            missing.aggregate_id = list.aggregate_id
            and (
                list.applied_billing_charge_ouid is distinct from ''
                or list.billing_account_balance_ouid is distinct from ''
            )
    )
order by missing.aggregate_id, document_number, account
