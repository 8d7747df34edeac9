-- fail: the report's rows of a customer and month are its amount, and its hours those that were measured
-- Purpose: largest remainder leaves no microcredit over, and no row is missing or doubled (specification, section 22,
--     rules 5 and 9). No row is a whole microcredit or more away from its exact amount.
-- Grain: one row per customer and month that differs.
-- Sources: report_oibl.new_usage_results, new_usage_amounts, new_usage_rows.
with reported as (
    select
        customer_id,
        month,
        count(*) as lines,
        sum(microcredits) as microcredits,
        sum(hours) as hours
    from report_oibl.new_usage_results
    group by customer_id, month
),

amounts as (
    select
        customer_id,
        to_char(month, 'YYYY-MM') as month,
        sum(microcredits) as microcredits
    from report_oibl.new_usage_amounts
    group by customer_id, month
),

measured as (
    select
        customer_id,
        to_char(month, 'YYYY-MM') as month,
        count(*) as lines,
        sum(hours) as hours,
        sum(value_hours * microcredits_per_unit / unit) as exact
    from report_oibl.new_usage_rows
    where customer_id is not null and valid_during is not null
    group by customer_id, month
)

select
    coalesce(reported.customer_id, measured.customer_id, amounts.customer_id) as customer_id,
    coalesce(reported.month, measured.month, amounts.month) as month,
    reported.microcredits as reported,
    amounts.microcredits as amount,
    round(measured.exact, 3) as exact
from reported
full join amounts on reported.customer_id = amounts.customer_id and reported.month = amounts.month
full join measured
    on
        coalesce(reported.customer_id, amounts.customer_id) = measured.customer_id
        and coalesce(reported.month, amounts.month) = measured.month
where
    reported.microcredits is distinct from amounts.microcredits
    or reported.lines is distinct from measured.lines
    or reported.hours is distinct from measured.hours
    or abs(reported.microcredits - measured.exact) > measured.lines
order by customer_id, month
