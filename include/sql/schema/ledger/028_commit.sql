-- Purpose: what is checked at commit: transactions that came in pieces, accounts that may not go below zero.
-- Grain:   none.
-- Sources: none.

create function ledger.check_due() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    suspicious boolean;
    wrong record;
begin
    -- A transaction of several currencies may balance in base only as a whole.
    select coalesce(bool_or(entries = 0 or difference <> 0 or base_difference <> 0), false) into suspicious
    from (
        select
            count(entry.line) as entries,
            sum(case entry.side when 'debit' then entry.amount else -entry.amount end) as difference,
            sum(case entry.side when 'debit' then entry.base_amount else -entry.base_amount end) as base_difference
        from unnest(new.transaction_ids) as due (transaction_id)
        left join ledger.entry on due.transaction_id = entry.transaction_id
        group by due.transaction_id, entry.currency
    ) as by_currency;
    if suspicious then
        select
            by_currency.transaction_id,
            posted.idempotency_key,
            sum(by_currency.entries) as entries,
            coalesce(sum(by_currency.base_difference), 0) as base_difference,
            string_agg(
                trim_scale(by_currency.difference) || ' ' || by_currency.currency, ', ' order by by_currency.currency
            ) filter (where by_currency.difference <> 0) as difference
        into wrong
        from (
            select
                due.transaction_id,
                entry.currency,
                count(entry.line) as entries,
                sum(case entry.side when 'debit' then entry.amount else -entry.amount end) as difference,
                sum(case entry.side when 'debit' then entry.base_amount else -entry.base_amount end) as base_difference
            from unnest(new.transaction_ids) as due (transaction_id)
            left join ledger.entry on due.transaction_id = entry.transaction_id
            group by due.transaction_id, entry.currency
        ) as by_currency
        inner join ledger.transaction as posted on by_currency.transaction_id = posted.transaction_id
        group by by_currency.transaction_id, posted.idempotency_key
        having
            sum(by_currency.entries) < 2
            or bool_or(by_currency.difference <> 0)
            or coalesce(sum(by_currency.base_difference), 0) <> 0
        limit 1;
        if found then
            raise exception using
                message = format('transaction %s: ', wrong.idempotency_key) || case
                    when wrong.entries < 2 then format('it has %s entries, and needs two or more', wrong.entries)
                    when wrong.difference is not null then format('debit minus credit is %s', wrong.difference)
                    else format('debit minus credit is %s in base', trim_scale(wrong.base_difference))
                end,
                errcode = 'check_violation',
                constraint = case
                    when wrong.entries < 2 then 'transaction_two_entries'
                    when wrong.difference is not null then 'transaction_balances'
                    else 'transaction_balances_in_base'
                end;
        end if;
    end if;

    select account.owner, account.code, held.balance, held.currency into wrong
    from ledger.guarded_balance as held
    inner join ledger.account on held.account_id = account.account_id
    where held.account_id = any(new.guarded_account_ids) and held.balance < 0
    limit 1;
    if found then
        raise exception 'account % of % would be at % %: it may not go below zero',
            wrong.code, wrong.owner, trim_scale(wrong.balance), wrong.currency
            using errcode = 'check_violation', constraint = 'account_allow_negative';
    end if;

    delete from ledger.due_check where due_check_id = new.due_check_id;
    return null;
end
$$;

create constraint trigger checked after insert on ledger.due_check
deferrable initially deferred
for each row execute function ledger.check_due();
