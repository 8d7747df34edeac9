-- warn: every kind that is measured has a price at the time
-- Purpose: usage without price is kept and posted by a later run when the price is there (specification, section 22,
--     rules 2 and 4).
-- Grain: one row per month, meter and kind without price.
-- Sources: report_oibl.new_usage_rows; usage_vault.resource_kind.
select
    to_char(unpriced.month, 'YYYY-MM') as month,
    unpriced.meter,
    unpriced.kind_id,
    max(resource_kind.name) as kind,
    count(distinct unpriced.resource_id) as resources,
    sum(unpriced.hours) as hours
from report_oibl.new_usage_rows as unpriced
left join usage_vault.resource_kind
    on unpriced.meter = resource_kind.meter and unpriced.kind_id = resource_kind.kind_id
where unpriced.valid_during is null
group by unpriced.month, unpriced.meter, unpriced.kind_id
order by month, unpriced.meter, unpriced.kind_id
