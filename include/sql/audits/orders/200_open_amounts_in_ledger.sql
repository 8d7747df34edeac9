-- fail: the open amounts of the invoices are the balance of the receivables, account 1200
-- Purpose: what customers owe, by two routes (specification, section 21, rule 10).
-- Grain: one row per currency that differs.
-- Sources: billing.invoices; ledger.account_balance.
with open_amounts as (
    select
        currency,
        sum(greatest(total - paid, 0)) as amount
    from billing.invoices
    where invoice_number is not null and status <> 'CANCELLED'
    group by currency
),

receivables as (
    select
        currency,
        balance
    from ledger.account_balance
    where owner = 'house' and code = '1200'
)

select
    coalesce(open_amounts.currency, receivables.currency) as currency,
    open_amounts.amount as open_amounts,
    receivables.balance as receivables
from open_amounts
full join receivables on open_amounts.currency = receivables.currency
where coalesce(open_amounts.amount, 0) <> coalesce(receivables.balance, 0)
order by currency
