"""The statements of a reading: all set-based, values bound."""

from __future__ import annotations

COLUMNS = ("resource_id", "value", "kind_id", "name", "kind", "space_id", "space", "org_id", "org")
HOUR = """
select to_char(asked.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), reading.complete, reading.meters
from (select date_trunc('hour', %s::timestamptz, 'UTC') as hour) as asked
left join usage_vault.reading on reading.hour = asked.hour and not reading.estimated
"""
STAGE = """
create temporary table if not exists measured (
    resource_id text, value numeric, kind_id text, name text, kind text, space_id text, space text, org_id uuid,
    org text
)
"""
EMPTY_STAGE = "truncate pg_temp.measured"
ADD = """
insert into pg_temp.measured
select * from unnest(
    %s::text[], %s::numeric[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[]
)
"""
READING = """
insert into usage_vault.reading (taken_at, periodic, complete) values (%(taken_at)s, %(periodic)s, false)
on conflict (hour) do nothing
"""
# A name that is known stays where the platform does not tell it. Lists may give a resource twice: one page's end moves
# while they are read.
KEEP = (
    READING,
    "insert into usage_vault.meter (name) values (%(meter)s) on conflict do nothing",
    """
insert into usage_vault.resource_kind (meter, kind_id, name)
select %(meter)s, kind_id, max(kind) from pg_temp.measured group by kind_id
on conflict (meter, kind_id) do update set name = excluded.name
where excluded.name <> '' and resource_kind.name <> excluded.name
""",
    """
insert into usage_vault.organization (org_id, name)
select org_id, max(org) from pg_temp.measured where org_id is not null group by org_id
on conflict (org_id) do update set name = excluded.name
where excluded.name <> '' and organization.name <> excluded.name
""",
    """
insert into usage_vault.space (space_id, name, org_id)
select distinct on (space_id) space_id, space, org_id
from pg_temp.measured where space_id is not null order by space_id, org_id
on conflict (space_id) do update set
    name = coalesce(nullif(excluded.name, ''), space.name), org_id = coalesce(excluded.org_id, space.org_id)
where (coalesce(nullif(excluded.name, ''), space.name), coalesce(excluded.org_id, space.org_id))
    is distinct from (space.name, space.org_id)
""",
    """
insert into usage_vault.resource (meter, resource_id, kind_id, space_id, org_id, name)
select distinct on (measured.resource_id)
    %(meter)s, measured.resource_id, measured.kind_id, measured.space_id, coalesce(measured.org_id, space.org_id),
    measured.name
from pg_temp.measured
left join usage_vault.space on space.space_id = measured.space_id
order by measured.resource_id
on conflict (meter, resource_id) do update set
    kind_id = excluded.kind_id, space_id = coalesce(excluded.space_id, resource.space_id),
    org_id = coalesce(excluded.org_id, resource.org_id), name = coalesce(nullif(excluded.name, ''), resource.name)
where (excluded.kind_id, excluded.space_id, excluded.org_id, excluded.name)
    is distinct from (resource.kind_id, resource.space_id, resource.org_id, resource.name)
""",
    """
insert into usage_vault.measurement (reading_id, meter, resource_id, value)
select distinct on (measured.resource_id) reading.reading_id, %(meter)s, measured.resource_id, measured.value
from pg_temp.measured
join usage_vault.reading on reading.hour = date_trunc('hour', %(taken_at)s::timestamptz, 'UTC')
order by measured.resource_id, measured.value
on conflict do nothing
""",
)
HAS = """
update usage_vault.reading
set
    meters = array(select distinct unnest(meters || array[%(meter)s::text]) order by 1),
    complete = meters || array[%(meter)s::text] @> %(meters)s::text[]
where hour = date_trunc('hour', %(taken_at)s::timestamptz, 'UTC')
returning complete
"""
