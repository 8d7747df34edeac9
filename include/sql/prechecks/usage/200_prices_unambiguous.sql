-- fail: a kind has one price at a time, and a customer one agreement
-- Purpose: two prices would charge an hour twice (specification, section 22, rules 4 and 8).
-- Grain: one row per pair that overlaps.
-- Sources: usage_vault.price, agreement.
select
    'price' as what,
    earlier.meter || ' ' || earlier.kind_id as name,
    earlier.valid_during::text as first_range,
    later.valid_during::text as second_range
from usage_vault.price as earlier
inner join usage_vault.price as later
    on
        earlier.meter = later.meter
        and earlier.kind_id = later.kind_id
        and earlier.ctid < later.ctid
        and earlier.valid_during && later.valid_during
union all
select
    'agreement' as what,
    earlier.agreement_id || ', ' || later.agreement_id as name,
    daterange(earlier.starts, earlier.ends)::text as first_range,
    daterange(later.starts, later.ends)::text as second_range
from usage_vault.agreement as earlier
inner join usage_vault.agreement as later
    on
        earlier.customer_id = later.customer_id
        and earlier.agreement_id < later.agreement_id
        and daterange(earlier.starts, earlier.ends) && daterange(later.starts, later.ends)
order by what, name, first_range, second_range
