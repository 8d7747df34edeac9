-- Purpose: what is checked of the transactions of a statement, and which of them wait for their entries until commit.
-- Grain:   none.
-- Sources: none.

-- Raises the error for the first transaction of a statement that cannot be.
create function ledger.raise_wrong_transaction(wrong record) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if wrong.closed then
        raise exception 'transaction %: % is in a closed month', wrong.idempotency_key, wrong.business_date
            using errcode = 'check_violation', constraint = 'transaction_month_open',
                hint = 'A correction is posted into the first open month.';
    end if;
    if wrong.dated then
        raise exception 'ledger.transaction.posted_xact is the database''s own: leave it out'
            using errcode = 'check_violation', constraint = 'transaction_posted_xact';
    end if;
    raise exception 'transaction %: there is no transaction % to reverse', wrong.idempotency_key, wrong.reverses
        using errcode = 'foreign_key_violation', constraint = 'transaction_reverses_one';
end
$$;

create function ledger.transactions_posted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    unfinished uuid[];
    wrong record;
begin
    -- Behind the lock a statement sees what was committed before it; an older snapshot needs the row.
    lock table ledger.posting_gate in row exclusive mode;
    if current_setting('transaction_isolation') <> 'read committed' then
        perform from ledger.posting_gate for share;
    end if;
    select
        posted.idempotency_key,
        posted.business_date,
        posted.reverses,
        closed_month.month is not null as closed,
        posted.posted_xact <> pg_current_xact_id() as dated
    into wrong
    from new_transactions as posted
    left join ledger.closed_month on date_trunc('month', posted.business_date)::date = closed_month.month
    left join ledger.transaction as first_one on posted.reverses = first_one.transaction_id
    where
        closed_month.month is not null
        or posted.posted_xact <> pg_current_xact_id()
        or posted.reverses is not null and first_one.transaction_id is null
    limit 1;
    if found then
        perform ledger.raise_wrong_transaction(wrong);
    end if;

    -- What the same statement has posted whole needs no check at commit: an amount is above zero, so what balances in
    -- a currency has two entries in it.
    select array_agg(distinct by_currency.transaction_id) into unfinished
    from (
        select posted.transaction_id
        from new_transactions as posted
        left join ledger.entry on posted.transaction_id = entry.transaction_id
        group by posted.transaction_id, entry.currency
        having
            count(entry.line) = 0
            or sum(case entry.side when 'debit' then entry.amount else -entry.amount end) <> 0
            or sum(case entry.side when 'debit' then entry.base_amount else -entry.base_amount end) <> 0
    ) as by_currency;
    if unfinished is not null then
        insert into ledger.due_check (transaction_ids) values (unfinished);
    end if;
    return null;
end
$$;

create trigger posted after insert on ledger.transaction referencing new table as new_transactions
for each statement execute function ledger.transactions_posted();
