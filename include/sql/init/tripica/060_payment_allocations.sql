-- Purpose: incoming payments of the payment allocation service and how they were booked (specification, section 14.5).
-- Grain:   distinct rows of payment and posting line as shown.
-- Sources: paymentallocation_vault.bookings, payments, payment_states; data_sap_bookings.
-- Order:   by document, account, aggregate, then the other columns, null last, text in byte order: line_no numbers the
--          lines of the whole table.

drop table if exists report_oibl.oibl_payment_allocations;
create unlogged table report_oibl.oibl_payment_allocations as
with payment as (
    -- Both payment and state must exist. The amount is in euros already (oddity D17, kept).
    select
        booking.id::text as aggregate_id,
        booking.sap_id,
        payment.amount,
        'PAS_' || coalesce(state.payment_status, '') as glid
    from paymentallocation_vault.bookings as booking
    inner join paymentallocation_vault.payments as payment on booking.payment_id = payment.id
    inner join paymentallocation_vault.payment_states as state on booking.payment_state_id = state.id
),

posting as (
    -- (a) Up to 2024-01-31 the journal names the payment's booking.
    select
        payment.aggregate_id,
        payment.amount,
        payment.glid,
        line.beldat,
        line.budat,
        line.aufnr,
        line.mwskz,
        line.newbs,
        line.newko,
        line.xblnr,
        line.amount_calculation
    from payment
    inner join report_oibl.data_sap_bookings as line on payment.aggregate_id = line.aggregate_id
    where line.beldat <= '2024-01-31'
    union all
    -- (b) From 2024-01-31 the payment names the document: each of its lines. On that day both apply.
    select
        payment.aggregate_id,
        payment.amount,
        payment.glid,
        line.beldat,
        line.budat,
        line.aufnr,
        line.mwskz,
        line.newbs,
        line.newko,
        line.xblnr,
        line.amount_calculation
    from payment
    inner join report_oibl.data_sap_bookings as line on payment.sap_id = line.xblnr
    where line.beldat >= '2024-01-31'
),

line as (
    select distinct
        glid,
        amount,
        aggregate_id,
        beldat as booking_created,
        budat,
        aufnr,
        mwskz,
        newko,
        xblnr,
        amount_calculation,
        case when newbs = '40' then amount end::numeric(20, 2) as debit_amount,
        case when newbs = '50' then amount end::numeric(20, 2) as credit_amount
    from posting
)

select
    line.*,
    row_number() over (
        order by
            xblnr collate "C",
            newko collate "C",
            aggregate_id collate "C",
            amount_calculation collate "C",
            debit_amount,
            credit_amount,
            booking_created,
            budat,
            aufnr collate "C",
            mwskz collate "C",
            glid collate "C",
            amount
    ) as line_no
from line;

analyze report_oibl.oibl_payment_allocations;
