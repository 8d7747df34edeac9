-- system: usage
-- Purpose: what the usage of each space costs by month (specification, section 22, rule 9).
-- Grain:   one row per month, customer, organization and space.
-- Key:     month, customer, org, space
-- Sources: report_oibl.usage_results.
-- Order:   month, customer, organization, space; customers of one name by their id.

select
    month,
    customer,
    org,
    space,
    sum(microcredits) as microcredits,
    round(sum(microcredits) / 1000000, 6) as credits
from report_oibl.usage_results
group by month, customer_id, customer, org, space
order by month, customer collate "C", customer_id, org collate "C", space collate "C"
