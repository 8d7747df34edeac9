-- fail: what is told of an invoice is what happened to it
-- Purpose: the outbox against the invoices (specification, section 21, rules 7, 8, 10).
-- Grain: one row per invoice with a message too few, too many or with other amounts; and per message of no invoice.
-- Sources: billing.outbox, invoices.
with told as (
    select
        aggregate_id,
        count(*) filter (where event_type = 'invoice_created') as created,
        count(*) filter (where event_type = 'invoice_paid') as paid,
        count(*) filter (where event_type = 'invoice_cancelled') as cancelled,
        count(*) filter (where event_type = 'payment_failed') as failed,
        max((payload_json ->> 'version')::integer) as version,
        min((payload_json ->> 'total')::numeric) as lowest_total,
        max((payload_json ->> 'total')::numeric) as highest_total,
        min(payload_json ->> 'invoice_number') as first_number,
        max(payload_json ->> 'invoice_number') as last_number
    from billing.outbox
    group by aggregate_id
)

select
    invoices.order_id,
    told.aggregate_id,
    invoices.status,
    told.created,
    told.paid,
    told.cancelled,
    told.failed
from billing.invoices
full join told on invoices.id::text = told.aggregate_id
where
    invoices.id is null
    or coalesce(told.created, 0) <> case when invoices.invoice_number is null then 0 else 1 end
    or coalesce(told.cancelled, 0)
    <> case when invoices.invoice_number is not null and invoices.status = 'CANCELLED' then 1 else 0 end
    or (invoices.status = 'PAID' and told.paid <> 1)
    or (invoices.status = 'CANCELLED' and told.paid > 1)
    or (invoices.status not in ('PAID', 'CANCELLED') and told.paid > 0)
    or (invoices.status = 'PAYMENT_FAILED' and told.failed = 0)
    or told.version > invoices.version
    or told.lowest_total <> invoices.total
    or told.highest_total <> invoices.total
    or told.first_number <> invoices.invoice_number
    or told.last_number <> invoices.invoice_number
order by invoices.order_id, told.aggregate_id
