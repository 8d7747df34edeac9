-- Purpose: what each customer's usage costs: rounded once per customer, month and price (specification, section 22,
--          rule 5).
-- Grain:   one row per customer, month and price.
-- Sources: new_usage_rows.
--
-- Exact: value x microcredits_per_unit is summed as it is and divided once. div() cuts the exact quotient, so
-- div(2n + u, 2u) is n/u rounded half away from zero; a quotient of numeric would have been rounded before.

drop table if exists report_oibl.new_usage_amounts;
create table report_oibl.new_usage_amounts as
select
    customer_id,
    month,
    meter,
    kind_id,
    valid_during,
    div(2 * sum(value_hours) * microcredits_per_unit + unit, 2 * unit::numeric) as microcredits
from report_oibl.new_usage_rows
where customer_id is not null and valid_during is not null
group by customer_id, month, meter, kind_id, valid_during, microcredits_per_unit, unit;

analyze report_oibl.new_usage_amounts;
