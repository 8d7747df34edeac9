-- fail: the invoice numbers of a year are 1 to the last one taken
-- Purpose: tax law wants numbers without gaps (specification, section 21, rule 6); two invoices cannot share one.
-- Grain: one row per year that has gaps.
-- Sources: billing.invoices, invoice_counter.
with used as (
    select
        left(invoice_number, -9) as year,
        count(*) as invoices,
        max(right(invoice_number, 8)::integer) as highest
    from billing.invoices
    where invoice_number is not null
    group by left(invoice_number, -9)
)

select
    coalesce(used.year, to_char(counter.year, 'FM999990000')) as year,
    used.invoices,
    used.highest,
    counter.last_number
from used
full join billing.invoice_counter as counter on used.year = to_char(counter.year, 'FM999990000')
where
    used.invoices is distinct from used.highest
    or coalesce(used.highest, 0) is distinct from counter.last_number
order by year
