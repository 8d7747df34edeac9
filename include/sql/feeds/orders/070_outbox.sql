-- Purpose: what is told to others of the batch's invoices, in the order in which it happened to each.
-- Grain:   one row per message.
-- Sources: posting_invoice, posting_effect.
-- Settings: none.

-- Rules 7 and 8. An invoice that was cancelled on hold was never told of: nothing is told of its end. Amounts are exact
-- strings; the relay adds event_id, which follows from the row's id.
insert into billing.outbox (aggregate, aggregate_id, event_type, payload_json)
select
    'invoice' as aggregate,
    invoice.invoice_id::text as aggregate_id,
    told.event_type,
    jsonb_build_object(
        'schema_version', 1,
        'type', told.event_type,
        'invoice_id', invoice.invoice_id::text,
        'invoice_number', invoice.invoice_number,
        'order_id', invoice.order_id,
        'customer_id', invoice.customer_id,
        'currency', invoice.currency,
        'subtotal', invoice.subtotal::text,
        'tax', invoice.tax::text,
        'total', invoice.total::text,
        'paid', told.paid::text,
        'status', told.status,
        'base_currency', invoice.base_currency,
        'fx_rate', trim_scale(invoice.fx_rate)::text,
        'base_total', invoice.base_total::text,
        'version', told.version,
        'business_date', invoice.business_date::text,
        'occurred_at', to_char(told.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) || told.detail as payload_json
from (
    select
        order_id,
        0 as seq,
        'invoice_created' as event_type,
        status,
        paid,
        version,
        occurred_at,
        '{}'::jsonb as detail
    from pg_temp.posting_invoice
    where origin in ('new', 'held') and status = 'OPEN'
    union all
    select
        order_id,
        seq,
        case event_type
            when 'payment_received' then 'invoice_paid'
            when 'order_cancelled' then 'invoice_cancelled'
            else 'payment_failed'
        end as event_type,
        status,
        paid,
        version,
        occurred_at,
        detail
    from pg_temp.posting_effect
    where
        event_type = 'payment_failed'
        or (event_type = 'payment_received' and status = 'PAID' and status_before <> 'PAID')
        or (event_type = 'order_cancelled' and changes)
) as told
inner join pg_temp.posting_invoice as invoice on told.order_id = invoice.order_id
where invoice.invoice_number is not null
order by invoice.invoice_id, told.seq;
