-- Purpose: the candidate of the usage report (specification, section 22, rule 9).
-- Grain:   one row per month, resource and price of those that have a customer and a price.
-- Key:     customer_id, month, meter, resource_id, org, space, unit_of_measure
-- Sources: new_usage_rows, new_usage_amounts; usage_vault.customer, organization, space, resource, resource_kind.
-- Order:   customer, month, meter, resource, price: the table's physical order, which the export follows.
--
-- Largest remainder: each row gets its whole microcredits, and what is missing of the rounded amount goes to the rows
-- with the largest remainders, one each; ties by resource id.

drop table if exists report_oibl.new_usage_results;
create table report_oibl.new_usage_results as
with whole as (
    select
        usage_row.*,
        div(value_hours * microcredits_per_unit, unit) as floor_microcredits,
        mod(value_hours * microcredits_per_unit, unit) as remainder
    from report_oibl.new_usage_rows as usage_row
    where customer_id is not null and valid_during is not null
),

ranked as (
    select
        whole.*,
        sum(floor_microcredits) over of_price as floors,
        row_number() over (of_price order by remainder desc, resource_id collate "C") as place
    from whole
    window of_price as (partition by customer_id, month, meter, kind_id, valid_during)
)

select
    ranked.customer_id,
    customer.name as customer,
    coalesce(nullif(organization.name, ''), ranked.org_id::text) as org,
    coalesce(nullif(space.name, ''), ranked.space_id) as space,
    ranked.meter,
    ranked.resource_id,
    coalesce(nullif(resource.name, ''), ranked.resource_id) as resource,
    coalesce(nullif(resource_kind.name, ''), ranked.kind_id) as kind,
    to_char(ranked.month, 'YYYY-MM') as month,
    ranked.hours,
    ranked.estimated_hours,
    trim_scale(ranked.value_hours) as value_hours,
    ranked.unit_of_measure,
    ranked.floor_microcredits
    + case when ranked.place <= amounts.microcredits - ranked.floors then 1 else 0 end as microcredits
from ranked
inner join report_oibl.new_usage_amounts as amounts
    on
        ranked.customer_id = amounts.customer_id
        and ranked.month = amounts.month
        and ranked.meter = amounts.meter
        and ranked.kind_id = amounts.kind_id
        and ranked.valid_during = amounts.valid_during
inner join usage_vault.customer on ranked.customer_id = customer.customer_id
left join usage_vault.organization on ranked.org_id = organization.org_id
left join usage_vault.space on ranked.space_id = space.space_id
left join usage_vault.resource on ranked.meter = resource.meter and ranked.resource_id = resource.resource_id
left join usage_vault.resource_kind on ranked.meter = resource_kind.meter and ranked.kind_id = resource_kind.kind_id
order by
    ranked.customer_id, ranked.month, ranked.meter collate "C", ranked.resource_id collate "C",
    lower(ranked.valid_during) nulls first;

comment on column report_oibl.new_usage_results.customer_id is 'number of the customer that the organization has now';
comment on column report_oibl.new_usage_results.customer is 'name of the customer';
comment on column report_oibl.new_usage_results.org is 'name of the organization, else its id';
comment on column report_oibl.new_usage_results.space is 'name of the space, else its id; null: none';
comment on column report_oibl.new_usage_results.meter is 'what has measured';
comment on column report_oibl.new_usage_results.resource_id is 'what was measured';
comment on column report_oibl.new_usage_results.resource is 'name of the resource, else its id';
comment on column report_oibl.new_usage_results.kind is
'name of the resource''s kind, else its id; empty where the meter has one kind';
comment on column report_oibl.new_usage_results.month is 'year and month, YYYY-MM, in the client''s time zone';
comment on column report_oibl.new_usage_results.hours is 'number of hourly measurements';
comment on column report_oibl.new_usage_results.estimated_hours is 'how many of the measurements are estimates';
comment on column report_oibl.new_usage_results.value_hours is 'sum of the measured values';
comment on column report_oibl.new_usage_results.unit_of_measure is 'of the price';
comment on column report_oibl.new_usage_results.microcredits is
'whole millionths of a credit; the rows of a customer, month and price add up to their rounded amount';

analyze report_oibl.new_usage_results;
