-- Purpose: the candidate of the invoices' list: all invoices of the client (specification, section 21).
-- Grain:   one row per invoice; amounts in the scale of their currency's minor units.
-- Sources: billing.invoices.
-- Order:   invoice number, those without one last, then order id: the table's physical order, which the export follows.

drop table if exists report_oibl.new_orders_results;
create table report_oibl.new_orders_results as
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
from billing.invoices
order by invoice_number collate "C" nulls last, order_id collate "C";

analyze report_oibl.new_orders_results;
