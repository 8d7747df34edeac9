-- fail: no booking of a charge, tax or allocated payment is in the list twice
-- Purpose: these rows are distinct over all 41 columns (sections 14.2, 14.4 and 14.5): an equal row was made
--     by a join. Payment balances may be equal and are counted by their own check.
-- Grain: one row per doubled row.
-- Sources: report_oibl.new_tripica_results.
with doubled as (
    -- 64 bits of hash find the few suspects cheaply; the rows themselves are compared below.
    select hash_record_extended(list, 0) as row_key
    from report_oibl.new_tripica_results as list
    where list.aggregate_id is not null and coalesce(list.billing_account_balance_ouid, '') = ''
    group by hash_record_extended(list, 0)
    having count(*) > 1
)

select
    min(list.aggregate_id) as aggregate_id,
    min(list.applied_billing_charge_ouid) as charge,
    min(list.booking_reference_document_number) as document_number,
    min(list.booking_amount_indicator) as formula,
    count(*) as occurrences
from report_oibl.new_tripica_results as list
inner join doubled on hash_record_extended(list, 0) = doubled.row_key
-- The whole row: all 41 columns.
group by list
having count(*) > 1
order by aggregate_id, charge, document_number, formula
