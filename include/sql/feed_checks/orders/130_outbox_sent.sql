-- warn: every row of the outbox is published within five minutes
-- Purpose: a row that stays behind shows that the relay cannot publish (docs/feeds.md, how it works).
-- Grain: one row per outbox row.
-- Sources: billing.outbox.
select
    id,
    aggregate_id,
    event_type,
    created_at
from billing.outbox
where published_at is null and created_at < now() - interval '5 minutes'
