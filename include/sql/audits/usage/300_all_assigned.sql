-- warn: every organization that uses something has a customer
-- Purpose: its months are posted when it gets one (specification, section 22, rules 2 and 5).
-- Grain: one row per month and organization without customer.
-- Sources: report_oibl.new_usage_rows; usage_vault.organization.
select
    to_char(unassigned.month, 'YYYY-MM') as month,
    unassigned.org_id,
    max(organization.name) as organization,
    count(distinct unassigned.meter || ' ' || unassigned.resource_id) as resources,
    sum(unassigned.hours) as hours
from report_oibl.new_usage_rows as unassigned
left join usage_vault.organization on unassigned.org_id = organization.org_id
where unassigned.customer_id is null
group by unassigned.month, unassigned.org_id
order by month, unassigned.org_id
