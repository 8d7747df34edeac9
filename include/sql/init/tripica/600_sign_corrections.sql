-- Purpose: aggregates in which negative electricity net debits are shown without sign (specification, section 14.6).
-- Grain:   one row per aggregate id; empty text is one, null is none.
-- Sources: oibl_charge_bookings, data_charges, oibl_payment_balances, oibl_tax_bookings, oibl_payment_allocations.

drop table if exists report_oibl.oibl_sign_corrections;
create unlogged table report_oibl.oibl_sign_corrections as
with line as (
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
)

-- Both sides present and different; nothing is corrected where the aggregate balances or has one side only (oddity D15,
-- kept: electricity only, debit only).
select aggregate_id
from line
where aggregate_id is not null
group by aggregate_id
having
    sum(debit_amount) <> sum(credit_amount)
    and bool_or(debit_amount < 0 and amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX');

analyze report_oibl.oibl_sign_corrections;
