-- warn: balances, payment requests and orders have statuses that were seen before
-- Purpose: source check P8: every status that starts with DUE counts as due; a new one needs somebody to look at it.
-- Grain: one row per table and unknown status.
select
    'billing_account_balance' as table_name,
    coalesce(status, '(none)') as status,
    count(*) as occurrences
from datalake_vault.billing_account_balance
where
    status is null
    or status not in (
        'DUE', 'DUE_LETTERED', 'DUE_CANCELLED', 'DUE_BLOCKED', 'DUE_IN_PROGRESS', 'PAID', 'CANCELLED',
        'BALANCE_CANCELLED'
    )
group by status

union all

select
    'payment_request' as table_name,
    coalesce(status, '(none)') as status,
    count(*) as occurrences
from datalake_vault.payment_request
where status is null or status not in ('DONE', 'REJECTED', 'CANCELLED', 'IN_PROGRESS')
group by status

union all

select
    'product_order' as table_name,
    coalesce(state, '(none)') as status,
    count(*) as occurrences
from datalake_vault.product_order
where state is null or state not in ('COMPLETED', 'IN_PROGRESS', 'CANCELLED')
group by state
order by table_name, status
