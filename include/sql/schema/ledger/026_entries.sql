-- Purpose: what is checked of the entries of a statement, and their sums by account, currency and day.
-- Grain:   none.
-- Sources: none.

-- Raises the error for the first entry of a statement that cannot be.
create function ledger.raise_wrong_entry(wrong record) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using
        message = format('transaction %s, line %s: ', wrong.idempotency_key, wrong.line) || case
            when wrong.no_transaction then 'there is no such transaction'
            when wrong.too_late then 'the transaction is posted already, entries cannot be added'
            when wrong.no_account then format('there is no account %s', wrong.account_id)
            when wrong.no_currency then format('there is no currency %s', wrong.currency)
            else format('%s is finer than the minor units of %s', trim_scale(wrong.amount), wrong.currency)
        end,
        errcode = case
            when wrong.no_transaction or wrong.no_account or wrong.no_currency then 'foreign_key_violation'
            when wrong.too_late then 'object_not_in_prerequisite_state'
            else 'check_violation'
        end,
        constraint = case
            when wrong.no_transaction then 'entry_transaction'
            when wrong.too_late then 'entry_append_only'
            when wrong.no_account then 'entry_account'
            when wrong.no_currency then 'entry_currency'
            else 'entry_minor_units'
        end;
end
$$;

create function ledger.entries_posted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    guarded bigint[];
    unbalanced uuid[];
    refused boolean;
    wrong record;
begin
    -- Held since the transaction was inserted; here where both come by one statement.
    lock table ledger.posting_gate in row exclusive mode;
    -- Entries that cannot be summed by account, currency and open day are wrong; which one is asked for afterwards.
    with summed as materialized (
        select
            new_entries.account_id,
            new_entries.currency,
            posted.business_date,
            coalesce(sum(new_entries.amount) filter (where new_entries.side = 'debit'), 0) as debit,
            coalesce(sum(new_entries.amount) filter (where new_entries.side = 'credit'), 0) as credit,
            sum(new_entries.base_amount) filter (where new_entries.side = 'debit') as base_debit,
            sum(new_entries.base_amount) filter (where new_entries.side = 'credit') as base_credit,
            count(*) as entries,
            max(scale(trim_scale(new_entries.amount))) as decimals,
            bool_or(posted.posted_xact is distinct from pg_current_xact_id()) as no_new_transaction
        from new_entries
        left join ledger.transaction as posted on new_entries.transaction_id = posted.transaction_id
        group by new_entries.account_id, new_entries.currency, posted.business_date
    ),

    looked_up as materialized (
        select
            summed.*,
            account.allow_negative,
            summed.no_new_transaction
            or account.account_id is null
            or summed.decimals > coalesce(currency.minor_units, -1) as is_wrong
        from summed
        left join ledger.account on summed.account_id = account.account_id
        left join ledger.currency on summed.currency = currency.code
    ),

    written as (
        insert into ledger.account_total (
            account_id, currency, business_date, debit, credit, base_debit, base_credit, entries
        )
        select account_id, currency, business_date, debit, credit, base_debit, base_credit, entries
        from looked_up
        where not is_wrong
    )

    select bool_or(looked_up.is_wrong), array_agg(distinct looked_up.account_id) filter (where not looked_up.allow_negative)
    into refused, guarded
    from looked_up;
    if refused is null then
        return null;
    end if;
    if refused then
        select
            new_entries.*,
            coalesce(posted.idempotency_key, new_entries.transaction_id::text) as idempotency_key,
            posted.transaction_id is null as no_transaction,
            posted.posted_xact is distinct from pg_current_xact_id() as too_late,
            account.account_id is null as no_account,
            currency.code is null as no_currency
        into wrong
        from new_entries
        left join ledger.transaction as posted on new_entries.transaction_id = posted.transaction_id
        left join ledger.account on new_entries.account_id = account.account_id
        left join ledger.currency on new_entries.currency = currency.code
        where
            posted.posted_xact is distinct from pg_current_xact_id()
            or account.account_id is null
            or currency.code is null
            or new_entries.amount <> round(new_entries.amount, currency.minor_units)
        limit 1;
        perform ledger.raise_wrong_entry(wrong);
    end if;

    -- What a statement adds to a transaction in balance leaves it there.
    select array_agg(distinct by_currency.transaction_id) into unbalanced
    from (
        select new_entries.transaction_id
        from new_entries
        group by new_entries.transaction_id, new_entries.currency
        having
            sum(case new_entries.side when 'debit' then new_entries.amount else -new_entries.amount end) <> 0
            or sum(case new_entries.side when 'debit' then new_entries.base_amount else -new_entries.base_amount end)
            <> 0
    ) as by_currency;
    if unbalanced is not null then
        -- Most wait for their check since they were inserted, unless it was made before its time.
        select array_agg(listed.transaction_id) into unbalanced
        from unnest(unbalanced) as listed (transaction_id)
        where listed.transaction_id not in (
            select unnest(due_check.transaction_ids)
            from ledger.due_check
            where due_check.due_xact = pg_current_xact_id()
        );
    end if;

    if guarded is not null then
        -- The gate is held: an account's allow_negative does not change while postings to it are under way.
        with changed as (
            insert into ledger.guarded_balance as held (account_id, currency, balance)
            select
                new_entries.account_id,
                new_entries.currency,
                sum(case new_entries.side when account.normal_side then new_entries.amount else -new_entries.amount end)
            from new_entries
            inner join ledger.account on new_entries.account_id = account.account_id
            where new_entries.account_id = any(guarded)
            group by new_entries.account_id, new_entries.currency
            order by new_entries.account_id, new_entries.currency
            on conflict (account_id, currency) do update set balance = held.balance + excluded.balance
            returning held.account_id, held.balance
        )

        select array_agg(changed.account_id) into guarded from changed where changed.balance < 0;
    end if;
    if unbalanced is not null or guarded is not null then
        insert into ledger.due_check (transaction_ids, guarded_account_ids)
        values (coalesce(unbalanced, '{}'), coalesce(guarded, '{}'));
    end if;
    return null;
end
$$;

create trigger posted after insert on ledger.entry referencing new table as new_entries
for each statement execute function ledger.entries_posted();
