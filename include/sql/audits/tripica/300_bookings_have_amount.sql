-- warn: a booking has an amount
-- Purpose: result check V4, defect D12: neither debit nor credit is expected for aggregates without VAT rows (no sign),
--     tax sources without items, and allocated payments without amount; it is worth a look all the same.
-- Grain: one row per type (glid) and formula.
-- Sources: report_oibl.new_tripica_results.
select
    glid,
    booking_amount_indicator as formula,
    count(*) as rows,
    min(aggregate_id) as example_aggregate
from report_oibl.new_tripica_results
where aggregate_id is not null and booking_debit_amount is null and booking_credit_amount is null
group by glid, booking_amount_indicator
order by glid, formula
