-- system: orders
-- Purpose: the invoices of the business date (specification, section 21).
-- Grain:   one row per invoice.
-- Key:     order_id
-- Sources: report_oibl.orders_results.
-- Settings: bda.business_date.
-- Order:   as the list's: invoice number, those without one last, then order id.

select
    invoice_number,
    order_id,
    customer_id,
    business_date,
    currency,
    subtotal,
    tax,
    total,
    paid,
    status,
    base_currency,
    fx_rate,
    base_total,
    version
from report_oibl.orders_results
where business_date = nullif(current_setting('bda.business_date', true), '')::date
order by invoice_number collate "C" nulls last, order_id collate "C"
