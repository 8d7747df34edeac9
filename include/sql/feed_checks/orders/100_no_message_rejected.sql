-- warn: no message was rejected in the last day
-- Purpose: what could not be an event, or contradicts one, is kept with its reason and posted nowhere; somebody has to
--          talk to its sender (docs/feeds.md, rejected messages).
-- Grain: one row per rejected message; its bytes are not shown, they may be personal data.
-- Sources: orders_vault.rejected_event.
select
    topic,
    partition,
    "offset",
    reason,
    received_at
from orders_vault.rejected_event
where received_at > now() - interval '1 day'
