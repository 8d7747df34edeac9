-- fail: a booking has no due or balance date, and is debit or credit, not both
-- Purpose: result check V3.
-- Grain: one row per row of the list.
-- Sources: report_oibl.new_tripica_results.
select
    aggregate_id,
    applied_billing_charge_ouid as charge,
    booking_reference_document_number as document_number,
    case
        when booking_debit_amount is not null and booking_credit_amount is not null then 'debit and credit'
        else 'due date or balance date'
    end as reason
from report_oibl.new_tripica_results
where
    aggregate_id is not null
    and (
        due_date is not null
        or balance_date is not null
        or booking_debit_amount is not null and booking_credit_amount is not null
    )
order by aggregate_id, charge
