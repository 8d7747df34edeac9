-- Purpose: posts what each ended month's usage costs, and corrections where it has changed since (specification,
--          section 22, rule 7).
-- Grain:   one transaction per customer and month that has a difference to what is posted; two entries each.
-- Sources: new_usage_amounts; ledger.
-- Settings: bda.business_date.
--
-- What is posted is the difference between the month's amount and its postings so far: a repeated run finds none.

create temporary table usage_posting on commit drop as
with amounts as (
    select
        customer_id::text as owner,
        to_char(month, 'YYYY-MM') as month,
        sum(microcredits) / 1000000 as credits
    from report_oibl.new_usage_amounts
    group by customer_id, month
),

posted as (
    select
        split_part(posted.idempotency_key, ':', 2) as owner,
        split_part(posted.idempotency_key, ':', 3) as month,
        max(coalesce(nullif(split_part(posted.idempotency_key, ':', 4), ''), '0')::integer) as last_number,
        sum(case entry.side when 'debit' then entry.amount else -entry.amount end) as credits
    from ledger.transaction as posted
    inner join ledger.entry on posted.transaction_id = entry.transaction_id
    inner join ledger.account on entry.account_id = account.account_id
    where posted.source = 'usage' and posted.kind in ('usage_post', 'usage_correction') and account.code = '401'
    group by split_part(posted.idempotency_key, ':', 2), split_part(posted.idempotency_key, ':', 3)
)

select
    ledger.new_id() as transaction_id,
    coalesce(amounts.owner, posted.owner) as owner,
    coalesce(amounts.month, posted.month) as month,
    posted.last_number + 1 as correction,
    round(coalesce(amounts.credits, 0) - coalesce(posted.credits, 0), 6) as difference,
    'usage:' || coalesce(amounts.owner, posted.owner) || ':' || coalesce(amounts.month, posted.month)
    || coalesce(':' || (posted.last_number + 1), '') as idempotency_key
from amounts
full join posted on amounts.owner = posted.owner and amounts.month = posted.month
where
    coalesce(amounts.month, posted.month)
    < to_char(nullif(current_setting('bda.business_date', true), '')::date, 'YYYY-MM')
    and round(coalesce(amounts.credits, 0) - coalesce(posted.credits, 0), 6) <> 0;

analyze pg_temp.usage_posting;

select usage_vault.make_accounts(array(select distinct owner from pg_temp.usage_posting));

-- The business date is the month's last day; the ledger posts nothing into a closed month: what is late goes into the
-- first open one after it.
insert into ledger.transaction (
    transaction_id, idempotency_key, kind, business_date, description, source, metadata
)
select
    posting.transaction_id,
    posting.idempotency_key,
    case when posting.correction is null then 'usage_post' else 'usage_correction' end as kind,
    coalesce(moved.open_day, (to_date(posting.month, 'YYYY-MM') + interval '1 month - 1 day')::date) as business_date,
    case when posting.correction is null then 'Usage of ' else 'Correction of the usage of ' end || posting.month
        as description,
    'usage' as source,
    jsonb_build_object('customer_id', posting.owner, 'month', posting.month) as metadata
from pg_temp.usage_posting as posting
left join ledger.first_open_day as moved on to_date(posting.month, 'YYYY-MM') = moved.month
order by posting.idempotency_key collate "C";

insert into ledger.entry (transaction_id, line, account_id, side, amount, currency)
select
    posting.transaction_id,
    side.line,
    account.account_id,
    side.name as side,
    abs(posting.difference) as amount,
    'CREDIT' as currency
from pg_temp.usage_posting as posting
cross join
    lateral (
        values
        (1, case when posting.difference > 0 then '401' else '201' end, 'debit'),
        (2, case when posting.difference > 0 then '201' else '401' end, 'credit')
    ) as side (line, code, name)
inner join ledger.account on posting.owner = account.owner and side.code = account.code
order by posting.transaction_id, side.line;
