-- Purpose: aggregates in which negative electricity net debits are shown without sign (specification, section 14.6).
-- Grain:   one row per aggregate id; empty text is one, null is none.
-- Sources: oibl_charge_bookings, data_charges, oibl_payment_balances, oibl_tax_bookings, oibl_payment_allocations.

drop table if exists report_oibl.oibl_sign_corrections;
create unlogged table report_oibl.oibl_sign_corrections as
with other_line as (
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

-- Few aggregates have a debit to correct: only their lines are summed.
suspect as (
    select charge.aggregateid as aggregate_id
    from report_oibl.oibl_charge_bookings as booking
    inner join report_oibl.data_charges as charge on booking.charge_row = charge.charge_row
    where booking.debit_amount < 0 and booking.amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
    union
    select aggregate_id
    from other_line
    where debit_amount < 0 and amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX' and aggregate_id is not null
),

line as (
    select
        charge.aggregateid as aggregate_id,
        booking.debit_amount,
        booking.credit_amount
    from suspect
    inner join report_oibl.data_charges as charge on suspect.aggregate_id = charge.aggregateid
    inner join report_oibl.oibl_charge_bookings as booking on charge.charge_row = booking.charge_row
    union all
    select
        other_line.aggregate_id,
        other_line.debit_amount,
        other_line.credit_amount
    from suspect
    inner join other_line on suspect.aggregate_id = other_line.aggregate_id
)

-- Both sides present and different; nothing is corrected where the aggregate balances or has one side only (oddity D15,
-- kept: electricity only, debit only).
select aggregate_id
from line
group by aggregate_id
having sum(debit_amount) <> sum(credit_amount);

analyze report_oibl.oibl_sign_corrections;
