-- warn: an aggregate id is missing or filled, never empty
-- Purpose: source check P15, defect D18: a due charge with an empty aggregate id joins all bookings with an empty one.
-- Grain: one row per charge or balance.
select
    'charge' as what,
    ouid
from datalake_vault.applied_billing_charge
where aggregateid = ''

union all

select
    'balance' as what,
    ouid
from datalake_vault.billing_account_balance
where aggregateid = ''
order by what, ouid
