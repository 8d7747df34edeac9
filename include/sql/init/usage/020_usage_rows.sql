-- Purpose: everything measured, by month, price and customer, with what is not known left null.
-- Grain:   new_usage_rows: one row per month, meter, resource and price; new_usage_readings: one per reading.
-- Sources: usage_vault.measurement, reading, resource, price, organization.
-- Settings: bda.timezone (else Europe/Berlin).
--
-- Rule 4: the price is that of the resource's kind at taken_at; rule 5: the customer is the one that the organization
-- has now; rule 6: the month is that of the client's time zone (specification, section 22).

-- Both tables see the same measurements: the feed waits.
lock table usage_vault.reading in share row exclusive mode;

drop table if exists report_oibl.new_usage_readings;
create table report_oibl.new_usage_readings as
select
    reading.reading_id,
    reading.taken_at,
    date_trunc(
        'month',
        reading.taken_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
    )::date as month,
    count(measurement.reading_id) as measurements
from usage_vault.reading
left join usage_vault.measurement on reading.reading_id = measurement.reading_id
group by reading.reading_id;

analyze report_oibl.new_usage_readings;

drop table if exists report_oibl.new_usage_rows;
create table report_oibl.new_usage_rows as
with measured as (
    select
        reading.month,
        measurement.meter,
        measurement.resource_id,
        resource.kind_id,
        resource.space_id,
        resource.org_id,
        price.valid_during,
        count(*) as hours,
        count(*) filter (where measurement.estimated) as estimated_hours,
        sum(measurement.value) as value_hours
    from usage_vault.measurement
    inner join report_oibl.new_usage_readings as reading on measurement.reading_id = reading.reading_id
    left join usage_vault.resource
        on measurement.meter = resource.meter and measurement.resource_id = resource.resource_id
    left join usage_vault.price
        on
            resource.meter = price.meter
            and resource.kind_id = price.kind_id
            and reading.taken_at <@ price.valid_during
    group by
        reading.month, measurement.meter, measurement.resource_id, resource.kind_id, resource.space_id,
        resource.org_id, price.valid_during
)

select
    measured.month,
    measured.meter,
    measured.resource_id,
    measured.kind_id,
    measured.space_id,
    measured.org_id,
    organization.customer_id,
    measured.valid_during,
    price.unit_of_measure,
    price.microcredits_per_unit,
    price.unit,
    measured.hours,
    measured.estimated_hours,
    measured.value_hours
from measured
left join usage_vault.organization on measured.org_id = organization.org_id
left join usage_vault.price
    on
        measured.meter = price.meter
        and measured.kind_id = price.kind_id
        and measured.valid_during = price.valid_during;

analyze report_oibl.new_usage_rows;
