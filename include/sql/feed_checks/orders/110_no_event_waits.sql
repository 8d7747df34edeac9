-- warn: no event has waited for more than an hour
-- Purpose: an event whose order is not known, or whose invoice is on hold, takes effect later; after an hour somebody
--          has to look for the order or the missing rate (docs/feeds.md, waiting events).
-- Grain: one row per waiting event.
-- Sources: billing.waiting_event.
select
    event_id,
    event_type,
    order_id,
    waiting_since
from billing.waiting_event
where waiting_since < now() - interval '1 hour'
