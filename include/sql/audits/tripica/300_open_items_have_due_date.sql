-- warn: an open item has a due date, unless it is a cancellation balance
-- Purpose: result check V10: only a cancellation balance without bill or bonus may have none (10.1).
-- Grain: one row per open item.
-- Sources: report_oibl.new_tripica_results.
select
    applied_billing_charge_ouid as charge,
    glid,
    date_created
from report_oibl.new_tripica_results
where aggregate_id is null and due_date is null and glid not like '%_CANCELLATION_BALANCE'
order by charge
