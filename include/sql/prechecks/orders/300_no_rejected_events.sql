-- warn: no event was rejected
-- Purpose: nothing is dropped: a person decides, and deletes the row when it is dealt with (specification, section 21).
-- Grain: one row per rejected event, without its content.
-- Sources: orders_vault.rejected_event.
select
    topic,
    partition,
    "offset",
    reason,
    received_at
from orders_vault.rejected_event
order by received_at, topic, partition, "offset"
