-- warn: instants of charges and balances are present and lie between 2000 and the future that they may have
-- Purpose: source check P10: a charge without modification instant is not in the list; an impossible date becomes an
--     impossible due or balance date. Creation and lettering lie in the past, due dates at most five years ahead.
-- Grain: one row per charge or balance and reason.
-- The clock decides, not the business date: the vaults are as they are now, also when an old day is rebuilt.
with bounds as (
    select
        timestamptz '2000-01-01 00:00:00+00' as earliest,
        now() + interval '1 day' as latest,
        now() + interval '5 years' as latest_due
)

select
    'charge' as what,
    charge.ouid,
    case
        when charge.datetimecreate is null then 'creation is missing'
        when charge.datetimelastmodif is null then 'modification is missing'
        when charge.datetimelastmodif < charge.datetimecreate then 'modified before it was created'
        else 'created or modified at an impossible time'
    end as reason
from datalake_vault.applied_billing_charge as charge
cross join bounds
where
    charge.datetimecreate is null
    or charge.datetimelastmodif is null
    or charge.datetimelastmodif < charge.datetimecreate
    or charge.datetimecreate < bounds.earliest
    or charge.datetimelastmodif > bounds.latest

union all

select
    'balance' as what,
    balance.ouid,
    case
        when balance.datetimecreate is null then 'creation is missing'
        when balance.status like 'DUE%' and balance.startdatetime is null then 'due without due date'
        when balance.startdatetime < bounds.earliest or balance.startdatetime > bounds.latest_due
            then 'impossible due date'
        when balance.letteringdate < bounds.earliest or balance.letteringdate > bounds.latest
            then 'impossible lettering date'
        else 'created at an impossible time'
    end as reason
from datalake_vault.billing_account_balance as balance
cross join bounds
where
    balance.datetimecreate is null
    or balance.status like 'DUE%' and balance.startdatetime is null
    or balance.startdatetime < bounds.earliest
    or balance.startdatetime > bounds.latest_due
    or balance.letteringdate < bounds.earliest
    or balance.letteringdate > bounds.latest
    or balance.datetimecreate < bounds.earliest
    or balance.datetimecreate > bounds.latest
order by what, ouid
