-- warn: the debit and credit amounts of an aggregate are equal
-- Purpose: result check V8. Expected exceptions are special: charges of opposite sign with an unsigned VAT rule, signs
--     of net, gross and VAT that differ, a zero tax aggregate, two energy tax rows, equal lines merged, tax lines of
--     other documents, one exported side only, charges cut off in 2019. So it warns, and gives the ratio: watch it.
-- Grain: one row per unbalanced aggregate with both sides, the largest difference first. Amounts in euros.
-- Sources: report_oibl.new_tripica_results without allocated payments and empty aggregate ids.
with aggregate as (
    select
        aggregate_id,
        sum(booking_debit_amount) as debit,
        sum(booking_credit_amount) as credit,
        count(*) over () as aggregates
    from report_oibl.new_tripica_results
    where aggregate_id <> '' and billing_account_balance_ouid is not null
    group by aggregate_id
    having sum(booking_debit_amount) is not null and sum(booking_credit_amount) is not null
)

select
    aggregate_id,
    debit,
    credit,
    debit - credit as difference,
    round(100.0 * (count(*) over ()) / aggregates, 2) as percent_of_aggregates
from aggregate
where debit <> credit
order by abs(debit - credit) desc, aggregate_id asc
