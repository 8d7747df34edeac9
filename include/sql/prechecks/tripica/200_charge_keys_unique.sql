-- fail: no charge, tax row or balance occurs twice
-- Purpose: source check P4: a doubled row multiplies open items, bookings and amounts.
-- Grain: one row per table and doubled key.
select
    key_column,
    key,
    occurrences
from (
    select
        'applied_billing_charge.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.applied_billing_charge
    group by ouid
    having count(*) > 1

    union all

    select
        'applied_billing_tax_rate.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.applied_billing_tax_rate
    group by ouid
    having count(*) > 1

    union all

    select
        'billing_account_balance.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.billing_account_balance
    group by ouid
    having count(*) > 1
) as doubled
order by key_column, key
