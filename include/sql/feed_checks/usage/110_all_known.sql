-- warn: every organization of the last reading has a customer, every kind a price
-- Purpose: what is not known yet is kept, and charged when it is (specification, section 22, rule 2).
-- Grain: one row per organization without customer, and per kind without price.
-- Sources: usage_vault.measurement, reading, resource, organization, price.
with latest as (
    select
        reading.taken_at,
        resource.meter,
        resource.kind_id,
        resource.org_id
    from usage_vault.reading
    inner join usage_vault.measurement on reading.reading_id = measurement.reading_id
    inner join usage_vault.resource
        on measurement.meter = resource.meter and measurement.resource_id = resource.resource_id
    where reading.hour = (
            select max(newest.hour) from usage_vault.reading as newest
            where not newest.estimated
        )
)

select
    'organization without customer' as what,
    coalesce(latest.org_id::text, 'unknown') as name,
    count(*) as resources
from latest
left join usage_vault.organization on latest.org_id = organization.org_id
where organization.customer_id is null
group by latest.org_id
union all
select
    'kind without price' as what,
    trim(latest.meter || ' ' || latest.kind_id) as name,
    count(*) as resources
from latest
where not exists (
        select from usage_vault.price
        where price.meter = latest.meter and price.kind_id = latest.kind_id and latest.taken_at <@ price.valid_during
    )
group by latest.meter, latest.kind_id
order by what, name
