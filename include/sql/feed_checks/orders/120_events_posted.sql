-- warn: every event that was taken is posted within five minutes
-- Purpose: an event that stays behind shows that posting fails or is too slow (docs/feeds.md, how it works).
-- Grain: one row per event.
-- Sources: orders_vault.pending_event, order_event.
select
    event.event_id,
    event.event_type,
    event.order_id,
    event.received_at
from orders_vault.pending_event as pending
inner join orders_vault.order_event as event
    on
        pending.topic = event.topic
        and pending.partition = event.partition
        and pending."offset" = event."offset"
where event.received_at < now() - interval '5 minutes'
