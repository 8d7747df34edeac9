-- Purpose: estimates for the hours that were missed, made anew each night (specification, section 22, rule 3).
-- Grain:   one reading per missed hour, one measurement per resource that both ends of its gap have.
-- Sources: usage_vault.reading, measurement.
-- Settings: bda.usage_max_gap_hours (else 6).
--
-- An hour with a reading of its own, complete or not, is not missed: it has what its meters have measured.

-- The feed waits for this script: no reading comes between the old estimates and the new ones.
lock table usage_vault.reading in share row exclusive mode;

delete from usage_vault.measurement
where estimated;
delete from usage_vault.reading
where estimated;

create temporary table missed_hour on commit drop as
with complete as (
    select
        reading_id,
        hour,
        lead(reading_id) over (order by hour) as next_reading_id,
        lead(hour) over (order by hour) as next_hour
    from usage_vault.reading
    where complete
),

gap as (
    select
        reading_id,
        next_reading_id,
        hour + interval '1 hour' as first_hour,
        next_hour - interval '1 hour' as last_hour
    from complete
    where
        next_hour > hour + interval '1 hour'
        and extract(epoch from next_hour - hour) / 3600 - 1
        <= coalesce(nullif(current_setting('bda.usage_max_gap_hours', true), ''), '6')::integer
)

select
    missed.hour,
    gap.reading_id as before_id,
    gap.next_reading_id as after_id
from gap
cross join lateral generate_series(gap.first_hour, gap.last_hour, interval '1 hour') as missed (hour)
where not exists (
        select from usage_vault.reading
        where reading.hour = missed.hour
    );

analyze pg_temp.missed_hour;

-- Only the readings at the gaps' ends: the vault has years of others.
create temporary table gap_end on commit drop as
select
    measurement.reading_id,
    measurement.meter,
    measurement.resource_id,
    measurement.value
from usage_vault.measurement
where measurement.reading_id in (
        select before_id from pg_temp.missed_hour
        union
        select after_id from pg_temp.missed_hour
    );

analyze pg_temp.gap_end;

create temporary table estimate on commit drop as
select
    missed_hour.hour,
    earlier.meter,
    earlier.resource_id,
    least(earlier.value, later.value) as value
from pg_temp.missed_hour
inner join pg_temp.gap_end as earlier on missed_hour.before_id = earlier.reading_id
inner join pg_temp.gap_end as later
    on
        missed_hour.after_id = later.reading_id
        and earlier.meter = later.meter
        and earlier.resource_id = later.resource_id;

insert into usage_vault.reading (taken_at, hour, periodic, complete, estimated)
select distinct
    hour as taken_at,
    hour,
    true as periodic,
    false as complete,
    true as estimated
from pg_temp.estimate
order by hour;

insert into usage_vault.measurement (reading_id, meter, resource_id, value, estimated)
select
    reading.reading_id,
    estimate.meter,
    estimate.resource_id,
    estimate.value,
    true as estimated
from pg_temp.estimate
inner join usage_vault.reading on estimate.hour = reading.hour
order by reading.reading_id, estimate.meter, estimate.resource_id;

analyze usage_vault.reading;
analyze usage_vault.measurement;
