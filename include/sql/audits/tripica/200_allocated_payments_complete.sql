-- fail: every booked payment of payment allocation is in the list, with its amount
-- Purpose: control by two routes: payment allocation joined to the exported journal, and the list (section 14.5).
-- Grain: one row per payment booking.
-- Sources: paymentallocation_vault; report_oibl.data_sap_bookings, new_tripica_results.
with reference as (
    -- Until 2024-01-31 a line names the payment booking, from that day on the document number does (14.5).
    select
        aggregate_id as by_booking,
        null as by_document
    from report_oibl.data_sap_bookings
    where beldat <= date '2024-01-31'
    union
    select
        null as by_booking,
        xblnr as by_document
    from report_oibl.data_sap_bookings
    where beldat >= date '2024-01-31'
),

vault as (
    select
        bookings.id::text as payment_booking,
        payments.amount
    from paymentallocation_vault.bookings
    inner join paymentallocation_vault.payments on bookings.payment_id = payments.id
    inner join paymentallocation_vault.payment_states on bookings.payment_state_id = payment_states.id
    where
        bookings.id::text in (select reference.by_booking from reference)
        or bookings.sap_id in (select reference.by_document from reference)
),

list as (
    select
        aggregate_id as payment_booking,
        min(amount_gross) as lowest,
        max(amount_gross) as highest
    from report_oibl.new_tripica_results
    where aggregate_id is not null and billing_account_balance_ouid is null
    group by aggregate_id
)

select
    coalesce(vault.payment_booking, list.payment_booking) as payment_booking,
    vault.amount as payment_amount,
    list.lowest,
    list.highest,
    case
        when list.payment_booking is null then 'not in the list'
        when vault.payment_booking is null then 'not booked'
        else 'amount differs'
    end as reason
from vault
full join list on vault.payment_booking = list.payment_booking
where
    list.payment_booking is null
    or vault.payment_booking is null
    or vault.amount is distinct from list.lowest
    or vault.amount is distinct from list.highest
order by payment_booking
