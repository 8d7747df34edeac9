-- Purpose: the candidate of the invoices' list: all invoices of the client (specification, section 21).
-- Grain:   one row per invoice; amounts in the scale of their currency's minor units.
-- Key:     order_id
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

comment on column report_oibl.new_orders_results.invoice_number is
'year and eight digits, without gaps, such as 2026-00000001; null: on hold, or cancelled on hold';
comment on column report_oibl.new_orders_results.order_id is 'the order, once';
comment on column report_oibl.new_orders_results.customer_id is 'customer number';
comment on column report_oibl.new_orders_results.business_date is 'day of the order in the client''s time zone';
comment on column report_oibl.new_orders_results.currency is
'of subtotal, tax, total and paid, which have the decimals of its minor units';
comment on column report_oibl.new_orders_results.subtotal is 'sum of the lines'' nets';
comment on column report_oibl.new_orders_results.tax is 'sum of the taxes by rate; null on hold';
comment on column report_oibl.new_orders_results.total is 'subtotal plus tax; null on hold';
comment on column report_oibl.new_orders_results.paid is 'all payments so far, also more than the total';
comment on column report_oibl.new_orders_results.status is
'ON_HOLD, OPEN, PARTIALLY_PAID, PAID, PAYMENT_FAILED or CANCELLED';
comment on column report_oibl.new_orders_results.base_currency is 'of base_total';
comment on column report_oibl.new_orders_results.fx_rate is 'units of the base currency for one of the currency';
comment on column report_oibl.new_orders_results.base_total is 'total in the base currency; null on hold';
comment on column report_oibl.new_orders_results.version is '1, and one more for each change';

analyze report_oibl.new_orders_results;
