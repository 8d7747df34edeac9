-- fail: there are charges, tax rates, balances and accounts
-- Purpose: source check P2: an empty source would publish an empty or half list.
-- Grain: one row per empty table.
select
    table_name,
    'the table is empty' as reason
from (
    select
        'datalake_vault.applied_billing_charge' as table_name,
        exists(select from datalake_vault.applied_billing_charge) as filled

    union all

    select
        'datalake_vault.applied_billing_tax_rate' as table_name,
        exists(select from datalake_vault.applied_billing_tax_rate) as filled

    union all

    select
        'datalake_vault.billing_account_balance' as table_name,
        exists(select from datalake_vault.billing_account_balance) as filled

    union all

    select
        'datalake_vault.billing_account' as table_name,
        exists(select from datalake_vault.billing_account) as filled
) as source_table
where not filled
order by table_name
