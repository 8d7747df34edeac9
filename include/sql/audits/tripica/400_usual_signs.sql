-- info: what is owed to the customer is negative, and debit and credit amounts are not
-- Purpose: result check V13: exceptions are legal with mixed signs; watch their number.
-- Grain: one row per type (glid) and reason.
-- Sources: report_oibl.new_tripica_results.
select
    glid,
    reason,
    count(*) as rows
from (
    select
        glid,
        case
            when aggregate_id is null and amount_gross > 0 then 'credit or bonus above 0'
            when booking_debit_amount < 0 then 'debit below 0'
            when booking_credit_amount < 0 then 'credit below 0'
        end as reason
    from report_oibl.new_tripica_results
    where
        booking_debit_amount < 0
        or booking_credit_amount < 0
        or aggregate_id is null
        and amount_gross > 0
        and (glid like 'OVERPAYMENT_CREDIT' or glid like '%_MANUAL_BONUS')
) as unusual
group by glid, reason
order by glid, reason
