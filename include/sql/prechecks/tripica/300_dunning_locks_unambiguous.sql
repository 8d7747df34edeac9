-- warn: an account has one newest dunning lock
-- needs: dunninglock_vault.dunning_locks
-- Purpose: source check P13: with equal instants the tie-break of section 17 decides.
-- Grain: one row per account.
select
    mba,
    count(*) as occurrences
from (
    select
        mba,
        -- A missing instant counts as the newest.
        rank() over (partition by mba order by created_at desc nulls first, updated_at desc nulls first) as age
    from dunninglock_vault.dunning_locks
) as ranked
where age = 1
group by mba
having count(*) > 1
order by mba
