-- warn: every exported posting line belongs to a charge, a balance or an allocated payment
-- Purpose: result check V14, second half: lines of unknown aggregates are booked in SAP, but not in the list.
-- Grain: one row per kind of document, with the number of lines and one aggregate.
-- Sources: report_oibl.data_sap_bookings; datalake_vault.applied_billing_charge, billing_account_balance;
--     paymentallocation_vault.bookings.
with known as (
    select aggregateid as aggregate_id
    from datalake_vault.applied_billing_charge
    where aggregateid is not null
    union
    select aggregateid as aggregate_id
    from datalake_vault.billing_account_balance
    where aggregateid is not null
    union
    select id::text as aggregate_id
    from paymentallocation_vault.bookings
)

select
    left(line.xblnr, 7) as documents,
    count(*) as lines,
    min(line.aggregate_id) as example_aggregate,
    min(line.xblnr) as example_document
from report_oibl.data_sap_bookings as line
where
    line.aggregate_id is not null
    and not exists (
        select from known
        where line.aggregate_id = known.aggregate_id
    )
    -- From 2024-01-31 on all lines of an allocated payment's document are shown, whatever their aggregate.
    and line.xblnr not in (
        select bookings.sap_id
        from paymentallocation_vault.bookings
        where bookings.sap_id is not null
    )
group by left(line.xblnr, 7)
order by documents
