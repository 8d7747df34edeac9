-- fail: an open item is one row of a charge of a due type, without booking
-- Purpose: result check V1.
-- Grain: one row per charge or row, and reason.
-- Sources: report_oibl.new_tripica_results, client_data_due_charge_type.
with open_item as (
    select
        applied_billing_charge_ouid,
        glid,
        analyticaxis,
        num_nonnulls(
            accounting_id, booking_execution_id, booking_created_at, booking_date, booking_order_number,
            booking_tax_code, booking_mainledger_account, booking_reference_document_number, booking_debit_amount,
            booking_credit_amount, booking_amount_indicator
        ) as booking_values
    from report_oibl.new_tripica_results
    where aggregate_id is null
),

-- Every combination of type and axis is classified once.
kind as (
    select distinct
        glid,
        analyticaxis
    from open_item
),

not_due as (
    select
        kind.glid,
        kind.analyticaxis
    from kind
    where
        kind.analyticaxis like '%cancellation%'
        or kind.glid like '%MANUAL_BONUS' and kind.analyticaxis like '%special%'
        or not exists (
            select from report_oibl.client_data_due_charge_type as due
            where kind.glid like due.glid and coalesce(kind.analyticaxis, '') like due.analyticaxis
        )
)

select
    applied_billing_charge_ouid as charge,
    min(glid) as glid,
    count(*) || ' open items of one charge' as reason
from open_item
group by applied_billing_charge_ouid
having count(*) > 1

union all

select
    applied_billing_charge_ouid as charge,
    glid,
    'has values of a booking' as reason
from open_item
where booking_values > 0

union all

select
    open_item.applied_billing_charge_ouid as charge,
    open_item.glid,
    'type or axis cannot be due' as reason
from open_item
inner join not_due
    on
        coalesce(open_item.glid, '') = coalesce(not_due.glid, '')
        and coalesce(open_item.analyticaxis, '') = coalesce(not_due.analyticaxis, '')
order by charge, reason
