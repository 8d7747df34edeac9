-- fail: the usage postings of a month are one posting and its corrections, numbered without a gap, for its customer
-- Purpose: what is posted tonight is the difference between the month's amount and these (specification, section 22,
--     rule 7): one under a wrong key, or with other accounts, would be posted again.
-- Grain: one row per customer and month with such postings.
-- Sources: ledger.transaction, entry, account.
with posted as (
    select
        posted.idempotency_key,
        posted.kind,
        split_part(posted.idempotency_key, ':', 2) as owner,
        split_part(posted.idempotency_key, ':', 3) as month,
        split_part(posted.idempotency_key, ':', 4) as number,
        sum(case when account.code = '401' then (case entry.side when 'debit' then 1 else -1 end) * entry.amount end)
            as used,
        sum(case when account.code = '201' then (case entry.side when 'credit' then 1 else -1 end) * entry.amount end)
            as pool,
        count(entry.line) as lines,
        bool_and(account.owner = split_part(posted.idempotency_key, ':', 2) and entry.currency = 'CREDIT') as own
    from ledger.transaction as posted
    left join ledger.entry on posted.transaction_id = entry.transaction_id
    left join ledger.account on entry.account_id = account.account_id
    where posted.source = 'usage' and posted.kind in ('usage_post', 'usage_correction')
    group by posted.transaction_id
)

select
    owner,
    month,
    count(*) as postings,
    sum(used) as credits
from posted
group by owner, month
having
    count(*) filter (where kind = 'usage_post') <> 1
    or bool_or((kind = 'usage_post') is distinct from (number = ''))
    or count(*) filter (where kind = 'usage_correction') <> max(coalesce(nullif(number, ''), '0')::integer)
    or bool_or(used is null or used is distinct from pool or lines <> 2 or own is not true)
    or bool_or(idempotency_key !~ '^usage:[0-9a-f-]{36}:[0-9]{4}-[0-9]{2}(:[1-9][0-9]*)?$')
order by owner, month
