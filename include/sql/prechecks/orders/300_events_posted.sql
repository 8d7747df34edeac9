-- warn: every event that was taken in an hour ago or earlier is posted
-- Purpose: the feed posts what it takes; a backlog is a feed that stands still (specification, section 21).
-- Grain: one row per partition with such events.
-- Sources: orders_vault.pending_event, order_event.
select
    event.topic,
    event.partition,
    min(event."offset") as first_offset,
    count(*) as events,
    min(event.received_at) as oldest
from orders_vault.pending_event as pending
inner join orders_vault.order_event as event
    on pending.topic = event.topic and pending.partition = event.partition and pending."offset" = event."offset"
where event.received_at < now() - interval '1 hour'
group by event.topic, event.partition
order by event.topic, event.partition
