-- warn: no invoice is on hold
-- Purpose: a tax rate or an exchange rate is missing for its business day (specification, section 21, rules 3, 4).
-- Grain: one row per rate that is missing, else per invoice whose amounts are too large to be posted.
-- Sources: billing.invoices, invoice_lines, tax_rate, fx_rate.
with held as (
    select
        invoices.id,
        invoices.order_id,
        invoices.business_date,
        invoices.currency,
        invoices.base_currency,
        invoices.tax_region,
        invoice_lines.tax_class,
        exists(
            select from billing.tax_rate
            where
                invoices.tax_region = tax_rate.tax_region
                and invoice_lines.tax_class = tax_rate.tax_class
                and invoices.business_date >= tax_rate.valid_from
                and (invoices.business_date < tax_rate.valid_to or tax_rate.valid_to is null)
        ) as has_tax_rate,
        invoices.currency = invoices.base_currency
        or exists (
            select from billing.fx_rate
            where
                invoices.currency = fx_rate.currency
                and invoices.base_currency = fx_rate.base_currency
                and fx_rate.day between invoices.business_date - 7 and invoices.business_date
        ) as has_fx_rate
    from billing.invoices
    inner join billing.invoice_lines on invoices.id = invoice_lines.invoice_id
    where invoices.status = 'ON_HOLD'
),

named as (
    select
        id,
        order_id,
        business_date,
        'tax rate of ' || tax_region || ', ' || tax_class as missing
    from held
    where not has_tax_rate
    union
    select
        id,
        order_id,
        business_date,
        'rate of ' || currency || ' in ' || base_currency as missing
    from held
    where not has_fx_rate
    union
    select
        id,
        order_id,
        business_date,
        'none: it goes on with the next batch, unless its amounts are too large' as missing
    from held
    group by id, order_id, business_date
    having bool_and(has_tax_rate and has_fx_rate)
)

select
    missing,
    business_date,
    count(*) as invoices,
    min(order_id) as first_order
from named
group by missing, business_date
order by business_date, missing
