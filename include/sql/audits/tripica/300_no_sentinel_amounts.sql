-- warn: no payment or tax booking has the amount -1.00
-- Purpose: result check V5, defect D12: -1.00 stands for a formula that the rule does not know (14.3, 14.4).
-- Grain: one row per type (glid) and formula.
-- Sources: report_oibl.new_tripica_results.
select
    glid,
    booking_amount_indicator as formula,
    count(*) as rows,
    min(booking_reference_document_number) as example_document
from report_oibl.new_tripica_results
where
    aggregate_id is not null
    and (billing_account_balance_ouid <> '' or billing_account_balance_ouid = '' and tax_item_ouid = '')
    and coalesce(booking_debit_amount, booking_credit_amount) = -1
group by glid, booking_amount_indicator
order by glid, formula
