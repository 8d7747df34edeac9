-- Purpose: grants the credits of agreements on their first day, and lets what is left expire on the day behind their
--          last (specification, section 22, rule 8).
-- Grain:   one transaction per start and end of an agreement; two entries each.
-- Sources: usage_vault.agreement; ledger.
-- Settings: bda.business_date.
--
-- Credits are used by the months' postings, each on its month's last day: those on the agreement's days count.

create temporary table agreement_posting on commit drop as
with used as (
    select
        account.owner,
        (to_date(split_part(posted.idempotency_key, ':', 3), 'YYYY-MM') + interval '1 month - 1 day')::date as day,
        sum(case entry.side when 'debit' then entry.amount else -entry.amount end) as credits
    from ledger.transaction as posted
    inner join ledger.entry on posted.transaction_id = entry.transaction_id
    inner join ledger.account on entry.account_id = account.account_id
    where posted.source = 'usage' and posted.kind in ('usage_post', 'usage_correction') and account.code = '401'
    group by account.owner, split_part(posted.idempotency_key, ':', 3)
),

events as (
    select
        agreement_id,
        customer_id::text as owner,
        'agreement_start' as kind,
        'agreement:' || agreement_id || ':start' as idempotency_key,
        starts as business_date,
        credits as amount
    from usage_vault.agreement
    union all
    select
        agreement.agreement_id,
        agreement.customer_id::text as owner,
        'agreement_end' as kind,
        'agreement:' || agreement.agreement_id || ':end' as idempotency_key,
        agreement.ends as business_date,
        greatest(agreement.credits - greatest(coalesce(sum(used.credits), 0), 0), 0) as amount
    from usage_vault.agreement
    left join used
        on
            agreement.customer_id::text = used.owner
            and agreement.starts <= used.day
            and agreement.ends > used.day
    group by agreement.agreement_id
)

select
    ledger.new_id() as transaction_id,
    events.*
from events
where
    events.business_date <= nullif(current_setting('bda.business_date', true), '')::date
    and events.amount > 0
    and not exists (
        select from ledger.transaction as posted
        where posted.idempotency_key = events.idempotency_key
    );

analyze pg_temp.agreement_posting;

select usage_vault.make_accounts(array(select distinct owner from pg_temp.agreement_posting));

-- As usage: a closed month takes nothing, the first open one after it does.
insert into ledger.transaction (
    transaction_id, idempotency_key, kind, business_date, description, source, metadata
)
select
    posting.transaction_id,
    posting.idempotency_key,
    posting.kind,
    coalesce(moved.open_day, posting.business_date) as business_date,
    case posting.kind when 'agreement_start' then 'Start of agreement ' else 'End of agreement ' end
    || posting.agreement_id as description,
    'usage' as source,
    jsonb_build_object('customer_id', posting.owner, 'agreement_id', posting.agreement_id) as metadata
from pg_temp.agreement_posting as posting
left join ledger.first_open_day as moved on date_trunc('month', posting.business_date)::date = moved.month
order by posting.business_date, posting.idempotency_key collate "C";

insert into ledger.entry (transaction_id, line, account_id, side, amount, currency)
select
    posting.transaction_id,
    side.line,
    account.account_id,
    side.name as side,
    posting.amount,
    'CREDIT' as currency
from pg_temp.agreement_posting as posting
cross join
    lateral (
        values
        (1, case posting.kind when 'agreement_start' then '200' else '201' end, 'debit'),
        (2, case posting.kind when 'agreement_start' then '201' else '200' end, 'credit')
    ) as side (line, code, name)
inner join ledger.account on posting.owner = account.owner and side.code = account.code
order by posting.transaction_id, side.line;
