-- warn: one tax rate of a region and class is valid on a day, and it is a rate
-- Purpose: of several the youngest counts, of one below 0 none (specification, section 21, rule 3).
-- Grain: one row per rate that overlaps a younger one, or is none.
-- Sources: billing.tax_rate.
select
    tax_region,
    tax_class,
    valid_from,
    valid_to,
    rate
from (
    select
        tax_rate.*,
        lead(valid_from) over (partition by tax_region, tax_class order by valid_from) as next_from
    from billing.tax_rate
) as listed
where
    next_from < valid_to
    or (valid_to is null and next_from is not null)
    or valid_to <= valid_from
    or not rate between 0 and 999.999999
order by tax_region, tax_class, valid_from
