-- Purpose: the debits that the list shows without their sign: negative net amounts of electricity in aggregates that do
--          not balance (specification, section 14.6).
-- Grain:   one row per aggregate id (empty text is one, null is none), amount formula and debit as booked: the list
--          looks up what it shows in its place.
-- Sources: oibl_charge_bookings, data_charges, oibl_payment_balances, oibl_tax_bookings, oibl_payment_allocations.

drop table if exists report_oibl.oibl_sign_corrections;
create unlogged table report_oibl.oibl_sign_corrections as
-- Not materialized: the debits to correct are few, and only the lines of their aggregates are summed.
with line as not materialized (
    select
        charge.aggregateid as aggregate_id,
        booking.amount_calculation,
        booking.debit_amount,
        booking.credit_amount
    from report_oibl.oibl_charge_bookings as booking
    inner join report_oibl.data_charges as charge on booking.charge_row = charge.charge_row
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_payment_balances
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_tax_bookings
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_payment_allocations
),

suspect as (
    select distinct
        aggregate_id,
        amount_calculation,
        debit_amount
    from line
    where
        debit_amount < 0
        and amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
        and aggregate_id is not null
),

-- Both sides present and different; nothing is corrected where the aggregate balances or has one side only (oddity D15,
-- kept: electricity only, debit only).
unbalanced as (
    select aggregate_id
    from line
    where aggregate_id in (select suspect.aggregate_id from suspect)
    group by aggregate_id
    having sum(debit_amount) <> sum(credit_amount)
)

select
    suspect.aggregate_id,
    suspect.amount_calculation,
    suspect.debit_amount,
    -suspect.debit_amount as shown_amount
from suspect
inner join unbalanced on suspect.aggregate_id = unbalanced.aggregate_id;

analyze report_oibl.oibl_sign_corrections;
