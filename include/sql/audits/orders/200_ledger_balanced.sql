-- fail: the ledger's balances add up to zero, and are those of its entries
-- Purpose: by two routes: the totals that postings keep, and the entries themselves (specification, section 20).
-- Grain: one row per currency, and per account and day, that differs.
-- Sources: ledger.account_total, entry, transaction, account.
with entries as (
    select
        entry.account_id,
        entry.currency,
        posted.business_date,
        sum(entry.amount) filter (where entry.side = 'debit') as debit,
        sum(entry.amount) filter (where entry.side = 'credit') as credit
    from ledger.entry
    inner join ledger.transaction as posted on entry.transaction_id = posted.transaction_id
    group by entry.account_id, entry.currency, posted.business_date
),

totals as (
    select
        account_id,
        currency,
        business_date,
        sum(debit) as debit,
        sum(credit) as credit
    from ledger.account_total
    group by account_id, currency, business_date
)

select
    'sum of all accounts' as place,
    currency,
    null::date as business_date,
    sum(debit) as debit,
    sum(credit) as credit
from totals
group by currency
having sum(debit) <> sum(credit)
union all
select
    'account ' || account.code || ' of ' || account.owner as place,
    coalesce(entries.currency, totals.currency) as currency,
    coalesce(entries.business_date, totals.business_date) as business_date,
    totals.debit - coalesce(entries.debit, 0) as debit,
    totals.credit - coalesce(entries.credit, 0) as credit
from entries
full join totals
    on
        entries.account_id = totals.account_id
        and entries.currency = totals.currency
        and entries.business_date = totals.business_date
left join ledger.account on coalesce(entries.account_id, totals.account_id) = account.account_id
where
    coalesce(entries.debit, 0) <> coalesce(totals.debit, 0)
    or coalesce(entries.credit, 0) <> coalesce(totals.credit, 0)
order by place, currency, business_date
