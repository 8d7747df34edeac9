-- Purpose: the orders of the batch, and the invoices on hold whose rates may be there by now.
-- Grain:   posting_invoice: one row per order; posting_line: one row per line.
-- Sources: posting_event; billing.invoices, invoice_lines; ledger.currency.
-- Settings: bda.tax_region (else DE), bda.tax_class (else standard), bda.base_currency (else EUR), bda.timezone (else
--           Europe/Berlin).

-- An order is placed once: by its first event that can be one (rules 8, 9). Section 17, rule 1: the net of a line is
-- rounded to the currency's minor units. What no entry of the ledger can hold is rejected.
with placed as (
    select
        event.*,
        currency.code as currency,
        currency.minor_units
    from pg_temp.posting_event as event
    left join ledger.currency on event.payload ->> 'currency' = currency.code
    where event.event_type = 'order_placed'
),

priced as materialized (
    select
        placed.event_id,
        listed.line,
        listed.entry ->> 'sku' as sku,
        (listed.entry ->> 'qty')::numeric::integer as qty,
        (listed.entry ->> 'unit_price')::numeric as unit_price,
        round((listed.entry ->> 'qty')::numeric * (listed.entry ->> 'unit_price')::numeric, placed.minor_units) as net,
        coalesce(
            listed.entry ->> 'tax_class', nullif(current_setting('bda.tax_class', true), ''), 'standard'
        ) as tax_class
    from placed
    cross join jsonb_array_elements(placed.payload -> 'lines') with ordinality as listed (entry, line)
),

summed as materialized (
    select
        event_id,
        sum(net) as subtotal
    from priced
    group by event_id
),

judged as materialized (
    select
        placed.*,
        summed.subtotal,
        case
            when placed.currency is null then 'unknown currency'
            when summed.subtotal >= 1e14 then 'amount too large'
            when invoices.id is not null then 'order already placed'
            when
                row_number() over (
                    partition by placed.order_id, coalesce(summed.subtotal < 1e14, false)
                    order by placed.occurred_at, placed.partition, placed."offset", placed.topic
                ) > 1
                then 'order already placed'
        end as reason
    from placed
    left join summed on placed.event_id = summed.event_id
    left join billing.invoices on placed.order_id = invoices.order_id
),

refused as (
    insert into orders_vault.rejected_event (topic, partition, "offset", raw, reason)
    select
        topic,
        partition,
        "offset",
        convert_to(payload::text, 'UTF8') as raw,
        reason
    from judged
    where reason is not null
    on conflict (topic, partition, "offset") do nothing
),

lines as (
    insert into pg_temp.posting_line (order_id, line, sku, qty, unit_price, net, tax_class)
    select
        judged.order_id,
        priced.line,
        priced.sku,
        priced.qty,
        priced.unit_price,
        priced.net,
        priced.tax_class
    from judged
    inner join priced on judged.event_id = priced.event_id
    where judged.reason is null
)

insert into pg_temp.posting_invoice (
    order_id, origin, customer_id, currency, minor_units, subtotal, base_currency, base_minor_units, status, paid,
    idempotency_key, version, business_date, tax_region, occurred_at, partition, "offset"
)
select
    judged.order_id,
    'new' as origin,
    coalesce(judged.payload ->> 'customer_id', judged.order_id) as customer_id,
    judged.currency,
    judged.minor_units,
    judged.subtotal,
    base.code as base_currency,
    base.minor_units as base_minor_units,
    'ON_HOLD' as status,
    round(0::numeric, judged.minor_units) as paid,
    judged.event_id as idempotency_key,
    1 as version,
    (
        judged.occurred_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
    )::date as business_date,
    coalesce(
        judged.payload ->> 'tax_region', nullif(current_setting('bda.tax_region', true), ''), 'DE'
    ) as tax_region,
    judged.occurred_at,
    judged.partition,
    judged."offset"
from judged
-- No row: the base currency is none, and the batch fails.
left join ledger.currency as base
    on base.code = coalesce(nullif(current_setting('bda.base_currency', true), ''), 'EUR')
where judged.reason is null;

-- Invoices on hold (rules 3, 4): a later run goes on when the rates are there.
insert into pg_temp.posting_invoice (
    order_id, invoice_id, origin, customer_id, currency, minor_units, subtotal, base_currency, base_minor_units,
    fx_rate, status, paid, idempotency_key, version, business_date, tax_region, occurred_at
)
select
    held.order_id,
    held.id,
    'held' as origin,
    held.customer_id,
    held.currency,
    currency.minor_units,
    held.subtotal,
    held.base_currency,
    base.minor_units as base_minor_units,
    held.fx_rate,
    held.status,
    held.paid,
    held.idempotency_key,
    held.version,
    held.business_date,
    held.tax_region,
    held.occurred_at
from billing.invoices as held
inner join ledger.currency on held.currency = currency.code
inner join ledger.currency as base on held.base_currency = base.code
where held.status = 'ON_HOLD';

insert into pg_temp.posting_line (order_id, line, net, tax_class)
select
    held.order_id,
    lines.line,
    lines.net,
    lines.tax_class
from billing.invoices as held
inner join billing.invoice_lines as lines on held.id = lines.invoice_id
where held.status = 'ON_HOLD';

analyze pg_temp.posting_invoice;
analyze pg_temp.posting_line;
