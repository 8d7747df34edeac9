-- warn: the last reading has every meter
-- Purpose: a meter that fails is told at once: within the hour another run completes the reading (specification,
--     section 22, rules 1 and 2).
-- Grain: at most one row.
-- Sources: usage_vault.reading.
select
    hour,
    taken_at,
    meters
from usage_vault.reading
where
    not estimated
    and not complete
    and hour = (
        select max(latest.hour) from usage_vault.reading as latest
        where not latest.estimated
    )
