-- fail: the list has every invoice once, as it is
-- Purpose: the list was built from the invoices a moment ago; the feed goes on meanwhile, and what it has changed since
--     has a higher version (specification, section 21, rule 10).
-- Grain: one row per invoice that is missing, listed twice or different.
-- Sources: report_oibl.new_orders_results; billing.invoices.
with listed as (
    select
        order_id,
        count(*) as times
    from report_oibl.new_orders_results
    group by order_id
)

select
    coalesce(invoices.order_id, list.order_id) as order_id,
    invoices.version as invoice_version,
    list.version as listed_version,
    listed.times
from billing.invoices
full join report_oibl.new_orders_results as list on invoices.order_id = list.order_id
left join listed on list.order_id = listed.order_id
where
    listed.times > 1
    or invoices.id is null
    or list.version > invoices.version
    -- Placed before the newest invoice of the list, and not in it.
    or (
        list.order_id is null
        and invoices.id < (
            select max(newest.id)
            from billing.invoices as newest
            inner join report_oibl.new_orders_results as with_id on newest.order_id = with_id.order_id
        )
    )
    or (
        list.version = invoices.version
        and (
            list.invoice_number, list.customer_id, list.business_date, list.currency, list.subtotal, list.tax,
            list.total, list.paid, list.status, list.base_currency, list.fx_rate, list.base_total
        ) is distinct from (
            invoices.invoice_number, invoices.customer_id, invoices.business_date, invoices.currency, invoices.subtotal,
            invoices.tax, invoices.total, invoices.paid, invoices.status, invoices.base_currency, invoices.fx_rate,
            invoices.base_total
        )
    )
order by order_id
