-- fail: an account has one dunning, and a dunning lock has not ended before the business date
-- Purpose: result check V17.
-- Grain: one row per master account and reason.
-- Sources: report_oibl.new_tripica_results.
-- Settings: bda.as_of (else today in Berlin).
with dunning as (
    select distinct
        mba,
        dunning_lock_until,
        dunning_lock_reason,
        dunning_status,
        dunning_scenario,
        dunning_level
    from report_oibl.new_tripica_results
    -- Payments and allocated payments never show dunning.
    where mba is not null and billing_account_balance_ouid = ''
)

select
    mba,
    count(*) || ' different dunnings' as reason
from dunning
group by mba
having count(*) > 1

union all

select
    mba,
    'dunning lock until ' || dunning_lock_until as reason
from dunning
where
    dunning_lock_until
    < coalesce(nullif(current_setting('bda.as_of', true), '')::date, (now() at time zone 'Europe/Berlin')::date)
order by mba, reason
