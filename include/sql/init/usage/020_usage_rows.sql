-- Purpose: everything measured, by month, price and customer, with what is not known left null.
-- Grain:   new_usage_rows: one row per month, meter, resource and price; new_usage_readings: one per reading.
-- Sources: usage_vault.measurement, reading, resource, price, organization.
-- Settings: bda.timezone (else Europe/Berlin).
--
-- Rule 4: the price is that of the resource's kind at taken_at; rule 5: the customer is the one that the organization
-- has now; rule 6: the month is that of the client's time zone (specification, section 22).

-- Both tables see the same measurements: the feed waits.
lock table usage_vault.reading in share row exclusive mode;

-- priced_at: the moments at which prices begin and end cut a month into stretches, in each of which a kind has one
-- price or none; its first reading stands for it. A reading at such a moment is a stretch of its own. So measurements
-- are summed first and priced then, when few rows are left.
drop table if exists report_oibl.new_usage_readings;
create table report_oibl.new_usage_readings as
with moments as materialized (
    select distinct bound.moment
    from usage_vault.price
    cross join lateral (values (lower(price.valid_during)), (upper(price.valid_during))) as bound (moment)
    where bound.moment is not null
),

counted as (
    select
        reading_id,
        count(*) as measurements
    from usage_vault.measurement
    group by reading_id
),

dated as (
    select
        reading.reading_id,
        reading.taken_at,
        date_trunc(
            'month',
            reading.taken_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
        )::date as month,
        coalesce(counted.measurements, 0) as measurements
    from usage_vault.reading
    left join counted on reading.reading_id = counted.reading_id
)

select
    dated.*,
    min(dated.taken_at) over (partition by dated.month, passed.before, passed.until_now) as priced_at
from dated
cross join
    lateral (
        select
            count(*) filter (where moments.moment < dated.taken_at) as before,
            count(*) as until_now
        from moments
        where moments.moment <= dated.taken_at
    ) as passed;

analyze report_oibl.new_usage_readings;

drop table if exists report_oibl.new_usage_rows;
create table report_oibl.new_usage_rows as
with measured as (
    select
        reading.month,
        reading.priced_at,
        measurement.meter,
        measurement.resource_id,
        count(*) as hours,
        count(*) filter (where measurement.estimated) as estimated_hours,
        sum(measurement.value) as value_hours
    from usage_vault.measurement
    inner join report_oibl.new_usage_readings as reading on measurement.reading_id = reading.reading_id
    group by reading.month, reading.priced_at, measurement.meter, measurement.resource_id
)

select
    measured.month,
    measured.meter,
    measured.resource_id,
    resource.kind_id,
    resource.space_id,
    resource.org_id,
    organization.customer_id,
    price.valid_during,
    price.unit_of_measure,
    price.microcredits_per_unit,
    price.unit,
    sum(measured.hours)::bigint as hours,
    sum(measured.estimated_hours)::bigint as estimated_hours,
    sum(measured.value_hours) as value_hours
from measured
left join usage_vault.resource on measured.meter = resource.meter and measured.resource_id = resource.resource_id
left join usage_vault.organization on resource.org_id = organization.org_id
left join usage_vault.price
    on resource.meter = price.meter and resource.kind_id = price.kind_id and price.valid_during @> measured.priced_at
group by
    measured.month, measured.meter, measured.resource_id, resource.kind_id, resource.space_id, resource.org_id,
    organization.customer_id, price.valid_during, price.unit_of_measure, price.microcredits_per_unit, price.unit;

analyze report_oibl.new_usage_rows;
