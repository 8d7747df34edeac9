-- warn: the newest rows of charges, balances and journal are at most the allowed hours apart
-- Purpose: source check P3: vaults of different nights show charges without their bookings, or the reverse.
-- Grain: one row, if the sources are further apart. The journal's time has no zone; it is read as UTC.
-- Settings: bda.freshness_hours (unset, empty or 0: no check).
with newest as (
    select
        (select max(datetimelastmodif) from datalake_vault.applied_billing_charge) as charges,
        (select max(datetimelastmodif) from datalake_vault.billing_account_balance) as balances,
        (select max(create_time) at time zone 'UTC' from bookkeeper_vault.summaries) as journal,
        coalesce(nullif(current_setting('bda.freshness_hours', true), '')::numeric, 0) as hours
)

select
    charges,
    balances,
    journal,
    greatest(charges, balances, journal) - least(charges, balances, journal) as apart
from newest
where
    hours > 0
    and greatest(charges, balances, journal) - least(charges, balances, journal) > make_interval(secs => hours * 3600)
