-- warn: every hour of the client's days has a complete reading or estimates
-- Purpose: missing and incomplete hours are charged too little (specification, section 22, rules 2, 3, 6). A day has
--     24 hours, 23 or 25 where the zone's clock changes; the first and the last day of the readings count from the
--     first and to the last reading.
-- Grain: one row per day with such hours.
-- Sources: report_oibl.new_usage_readings; usage_vault.reading.
-- Settings: bda.timezone (else Europe/Berlin).
with bounds as (
    select
        min(hour) as first_hour,
        max(hour) as last_hour
    from usage_vault.reading
    where reading_id in (select reading_id from report_oibl.new_usage_readings)
),

hours as (
    select
        expected.hour,
        (
            expected.hour at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
        )::date as day
    from bounds
    cross join lateral generate_series(bounds.first_hour, bounds.last_hour, interval '1 hour') as expected (hour)
)

select
    hours.day,
    count(*) as hours,
    count(reading.reading_id) filter (where reading.complete) as complete,
    count(reading.reading_id) filter (where reading.estimated) as estimated,
    count(reading.reading_id) filter (where not reading.complete and not reading.estimated) as incomplete,
    count(*) - count(reading.reading_id) as missing
from hours
left join usage_vault.reading on hours.hour = reading.hour
group by hours.day
having count(*) > count(reading.reading_id) filter (where reading.complete or reading.estimated)
order by hours.day
