-- Purpose: writes the invoices and their lines as they are after the batch.
-- Grain:   one row per invoice, and per line of a new one.
-- Sources: posting_invoice, posting_line, posting_effect.
-- Settings: none.

with last_effect as materialized (
    select distinct on (order_id)
        order_id,
        version,
        status,
        paid
    from pg_temp.posting_effect
    order by order_id asc, seq desc
),

result as materialized (
    select
        invoice.*,
        coalesce(last_effect.version, invoice.version) as new_version,
        coalesce(last_effect.status, invoice.status) as new_status,
        coalesce(last_effect.paid, invoice.paid) as new_paid
    from pg_temp.posting_invoice as invoice
    left join last_effect on invoice.order_id = last_effect.order_id
),

written as (
    insert into billing.invoices (
        id, order_id, customer_id, invoice_number, currency, subtotal, tax, total, base_currency, fx_rate, base_total,
        status, paid, idempotency_key, version, business_date, tax_region, occurred_at
    )
    select
        invoice_id,
        order_id,
        customer_id,
        invoice_number,
        currency,
        subtotal,
        tax,
        total,
        base_currency,
        fx_rate,
        base_total,
        new_status,
        new_paid,
        idempotency_key,
        new_version,
        business_date,
        tax_region,
        occurred_at
    from result
    where origin = 'new'
    order by invoice_id
)

-- Rule 10: each change raises the version by one; what is not changed is not touched.
update billing.invoices as kept
set
    invoice_number = result.invoice_number,
    tax = result.tax,
    total = result.total,
    fx_rate = result.fx_rate,
    base_total = result.base_total,
    status = result.new_status,
    paid = result.new_paid,
    version = result.new_version,
    updated_at = now()
from result
where kept.id = result.invoice_id and result.origin <> 'new' and kept.version <> result.new_version;

insert into billing.invoice_lines (invoice_id, line, sku, qty, unit_price, net, tax_class, tax_rate)
select
    invoice.invoice_id,
    line.line,
    line.sku,
    line.qty,
    line.unit_price,
    line.net,
    line.tax_class,
    tax_rate.rate as tax_rate
from pg_temp.posting_line as line
inner join pg_temp.posting_invoice as invoice on line.order_id = invoice.order_id
inner join pg_temp.posting_tax_rate as tax_rate
    on
        invoice.tax_region = tax_rate.tax_region
        and invoice.business_date = tax_rate.business_date
        and line.tax_class = tax_rate.tax_class
where invoice.origin = 'new'
order by invoice.invoice_id, line.line;

update billing.invoice_lines as kept
set tax_rate = tax_rate.rate
from pg_temp.posting_invoice as invoice, pg_temp.posting_tax_rate as tax_rate
where
    invoice.origin = 'held'
    and invoice.status = 'OPEN'
    and kept.invoice_id = invoice.invoice_id
    and invoice.tax_region = tax_rate.tax_region
    and invoice.business_date = tax_rate.business_date
    and kept.tax_class = tax_rate.tax_class
    and kept.tax_rate is distinct from tax_rate.rate;
