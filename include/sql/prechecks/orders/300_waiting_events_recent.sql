-- warn: no event waits that is older than an hour
-- Purpose: its order is unknown, or the order's invoice is on hold (specification, section 21, rule 9).
-- Grain: one row per event.
-- Sources: billing.waiting_event, invoices.
select
    waiting.topic,
    waiting.partition,
    waiting."offset",
    waiting.event_type,
    waiting.order_id,
    waiting.occurred_at,
    case when invoices.id is null then 'its order is unknown' else 'its invoice is on hold' end as reason
from billing.waiting_event as waiting
left join billing.invoices on waiting.order_id = invoices.order_id
where least(waiting.occurred_at, waiting.waiting_since) < now() - interval '1 hour'
order by waiting.occurred_at, waiting.topic, waiting.partition, waiting."offset"
