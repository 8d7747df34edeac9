-- Purpose: refuses the night where a month's postings are not its amount: nothing is exported then.
-- Grain:   none.
-- Sources: new_usage_amounts; ledger.
-- Settings: bda.business_date.

do $$
declare
    wrong record;
begin
    with amounts as (
        select customer_id::text as owner, to_char(month, 'YYYY-MM') as month, sum(microcredits) as microcredits
        from report_oibl.new_usage_amounts
        group by customer_id, month
    ),
    posted as (
        select
            account.owner,
            split_part(posted.idempotency_key, ':', 3) as month,
            sum(case entry.side when 'debit' then entry.amount else -entry.amount end) * 1000000 as microcredits
        from ledger.transaction as posted
        inner join ledger.entry on posted.transaction_id = entry.transaction_id
        inner join ledger.account on entry.account_id = account.account_id and account.code = '401'
        where posted.source = 'usage' and posted.kind in ('usage_post', 'usage_correction')
        group by account.owner, split_part(posted.idempotency_key, ':', 3)
    )
    select
        coalesce(amounts.owner, posted.owner) as owner,
        coalesce(amounts.month, posted.month) as month,
        coalesce(amounts.microcredits, 0) as amount,
        trim_scale(coalesce(posted.microcredits, 0)) as posted
    into wrong
    from amounts
    full join posted on amounts.owner = posted.owner and amounts.month = posted.month
    where
        coalesce(amounts.month, posted.month)
        < to_char(nullif(current_setting('bda.business_date', true), '')::date, 'YYYY-MM')
        and coalesce(amounts.microcredits, 0) <> coalesce(posted.microcredits, 0)
    limit 1;
    if found then
        raise exception 'customer %, month %: % microcredits are posted, the usage costs %',
            wrong.owner, wrong.month, wrong.posted, wrong.amount
            using hint = 'Somebody has posted by hand under a usage key: ask who, then clear the task post_usage.';
    end if;
end
$$;
