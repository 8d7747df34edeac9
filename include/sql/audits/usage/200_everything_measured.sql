-- fail: every measurement is in the rows that are posted or told, once
-- Purpose: usage is never lost (specification, section 22, rule 2): the rows' hours against the readings', and the
--     readings against the vault; the feed goes on meanwhile and only adds.
-- Grain: one row per month whose hours differ; one per reading that has lost measurements.
-- Sources: report_oibl.new_usage_rows, new_usage_readings; usage_vault.reading, measurement.
with by_row as (
    select
        month,
        sum(hours) as hours,
        sum(hours) filter (where valid_during is null) as unpriced,
        sum(hours) filter (where customer_id is null) as unassigned
    from report_oibl.new_usage_rows
    group by month
),

by_reading as (
    select
        month,
        sum(measurements) as hours
    from report_oibl.new_usage_readings
    group by month
),

now_there as (
    select
        reading_id,
        count(*) as measurements
    from usage_vault.measurement
    group by reading_id
)

select
    'month ' || to_char(by_reading.month, 'YYYY-MM') as what,
    by_reading.hours as measured,
    by_row.hours as in_rows,
    by_row.unpriced,
    by_row.unassigned
from by_reading
full join by_row on by_reading.month = by_row.month
where coalesce(by_reading.hours, 0) <> coalesce(by_row.hours, 0)
union all
select
    'reading of ' || reading.taken_at as what,
    coalesce(now_there.measurements, 0) as measured,
    built.measurements as in_rows,
    null as unpriced,
    null as unassigned
from report_oibl.new_usage_readings as built
inner join usage_vault.reading on built.reading_id = reading.reading_id
left join now_there on built.reading_id = now_there.reading_id
where coalesce(now_there.measurements, 0) < built.measurements
order by what
