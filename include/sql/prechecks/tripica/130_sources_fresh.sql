-- fail: the newest charge and the newest balance are not older than the allowed hours
-- Purpose: source check P3: a vault that was not loaded last night repeats yesterday's list.
-- Grain: one row per source that is too old.
-- Settings: bda.freshness_hours (unset, empty or 0: no check), bda.as_of (else now).
with limits as (
    select
        -- The end of the business date, as far as it has come: an old day asks for the vaults of that day only.
        least(
            now(),
            (nullif(current_setting('bda.as_of', true), '')::date + 1)::timestamp at time zone 'Europe/Berlin'
        ) as as_of,
        coalesce(nullif(current_setting('bda.freshness_hours', true), '')::numeric, 0) as hours
),

newest as (
    select
        'datalake_vault.applied_billing_charge.datetimelastmodif' as source,
        max(datetimelastmodif) as newest
    from datalake_vault.applied_billing_charge

    union all

    select
        'datalake_vault.billing_account_balance.datetimelastmodif' as source,
        max(datetimelastmodif) as newest
    from datalake_vault.billing_account_balance
)

select
    newest.source,
    newest.newest,
    'older than ' || limits.hours || ' hours at ' || limits.as_of as reason
from newest
cross join limits
where limits.hours > 0 and newest.newest < limits.as_of - make_interval(secs => limits.hours * 3600)
order by newest.source
