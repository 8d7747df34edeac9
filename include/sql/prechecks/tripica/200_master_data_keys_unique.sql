-- fail: no account, login, request, bill, product, order or aggregate occurs twice
-- Purpose: source check P4: a doubled row multiplies every charge that it belongs to.
-- Grain: one row per table and doubled key.
select
    key_column,
    key,
    occurrences
from (
    select
        'billing_account.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.billing_account
    group by ouid
    having count(*) > 1

    union all

    select
        'billing_account.name' as key_column,
        name as key,
        count(*) as occurrences
    from datalake_vault.billing_account
    where name is not null
    group by name
    having count(*) > 1

    union all

    select
        'login.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.login
    group by ouid
    having count(*) > 1

    union all

    select
        'payment_request.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.payment_request
    group by ouid
    having count(*) > 1

    union all

    select
        'settlement_note_advice.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.settlement_note_advice
    group by ouid
    having count(*) > 1

    union all

    select
        'product.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.product
    group by ouid
    having count(*) > 1

    union all

    select
        'product_order.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.product_order
    group by ouid
    having count(*) > 1

    union all

    select
        'charge_aggregate.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.charge_aggregate
    group by ouid
    having count(*) > 1

    union all

    select
        'tax_aggregate.ouid' as key_column,
        ouid::text as key,
        count(*) as occurrences
    from datalake_vault.tax_aggregate
    group by ouid
    having count(*) > 1
) as doubled
order by key_column, key
