-- warn: every exported posting line of a known aggregate is in the list
-- Purpose: result check V14. Charges cut off in 2019 or without tax rows take their lines with them, but for tax lines
--     (defect D14); so a line counts only if its aggregate has other rows in the list.
-- Grain: one row per document, account and formula of an aggregate without a row in the list.
-- Sources: report_oibl.data_sap_bookings, new_tripica_results.
with listed as (
    select distinct
        aggregate_id,
        booking_reference_document_number as document_number,
        booking_mainledger_account as account,
        coalesce(booking_amount_indicator, '') as formula
    from report_oibl.new_tripica_results
    where
        aggregate_id <> ''
        and (applied_billing_charge_ouid is distinct from '' or billing_account_balance_ouid is distinct from '')
)

select
    line.aggregate_id,
    line.xblnr as document_number,
    line.newko as account,
    line.amount_calculation as formula
from report_oibl.data_sap_bookings as line
where
    line.aggregate_id in (select listed.aggregate_id from listed)
    and not exists (
        select from listed
        where
            line.aggregate_id = listed.aggregate_id
            and line.xblnr = listed.document_number
            and coalesce(line.newko, 'tax code: ' || line.mwskz) = listed.account
            and coalesce(line.amount_calculation, '') = listed.formula
    )
order by line.aggregate_id, document_number, account
