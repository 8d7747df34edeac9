-- Purpose: what the ledger guarantees, kept by the database for every client of it, the tables' owner included.
-- Grain:   none.
-- Sources: none.
--
-- At commit (or at SET CONSTRAINTS ... IMMEDIATE) each transaction has two entries or more, balances in each currency,
-- and in base where base amounts are given. At each statement: accounts and currencies are known, amounts fit the
-- currency's minor units, the month is open. Transactions and entries are never changed or deleted. No database can
-- guard against a superuser who switches triggers off (session_replication_role) or an owner who drops them.
--
-- All checks are set-based: a statement may post one transaction or a hundred thousand. What a statement has checked
-- itself waits for no check at commit: a transaction that comes whole, with entries that balance, costs nothing there.
--
-- A session plans each query over a transition table once, whatever the number of rows of its first statement: so the
-- functions that have such queries leave the planner one way, from each row by index to what it names, which is never
-- far from the best one.

-- Postings hold a lock of this table that they share; who closes a month or guards an account waits for them, and they
-- for it. Its one row counts these changes: a posting with a snapshot of before fails by it.
create table ledger.posting_gate (
    only_row boolean primary key default true check (only_row),
    changes bigint not null default 0
);
insert into ledger.posting_gate default values;

-- What has to be checked before the commit; empty between transactions.
create unlogged table ledger.due_check (
    due_check_id bigint generated always as identity primary key,
    transaction_ids uuid[] not null default '{}',
    guarded_account_ids bigint[] not null default '{}',
    -- A transaction finds its own rows by it, whatever others have left to be vacuumed.
    due_xact xid8 not null default pg_current_xact_id()
);
create index due_check_xact on ledger.due_check (due_xact);

-- Sums of entries by account, currency and day: each statement adds rows, nobody waits for anybody. The balance is the
-- sum of the rows, however many there are. Deleting rows folds them: their sums are put back, one row for each group.
create table ledger.account_total (
    account_id bigint not null,
    currency text not null,
    business_date date not null,
    debit numeric not null,
    credit numeric not null,
    -- Null: no entry has a base amount.
    base_debit numeric,
    base_credit numeric,
    entries bigint not null,
    -- The sum of others, and not what a statement has added.
    folded boolean not null default false
);
create index account_total_account on ledger.account_total (account_id, currency, business_date);
create index account_total_added on ledger.account_total (account_id, currency, business_date) where not folded;

-- The balance on the normal side of each account that may not go below zero: postings to it wait for each other.
create table ledger.guarded_balance (
    account_id bigint not null references ledger.account (account_id),
    currency text not null,
    balance numeric not null,
    primary key (account_id, currency)
);

create function ledger.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '%.% is append-only: % is refused', tg_table_schema, tg_table_name, lower(tg_op)
        using errcode = 'object_not_in_prerequisite_state',
            hint = 'A mistake is corrected by another transaction, which reverses the first one.';
end
$$;

create trigger append_only before update or delete or truncate on ledger.transaction
for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete or truncate on ledger.entry
for each statement execute function ledger.refuse_change();

-- The ledger's own tables change by its triggers only: a trigger's statement has a depth, one by hand has none.
create function ledger.refuse_by_hand() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '%.% is kept by the ledger: % by hand is refused', tg_table_schema, tg_table_name, lower(tg_op)
        using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger not_by_hand before insert or update on ledger.account_total
for each statement when (pg_trigger_depth() = 0) execute function ledger.refuse_by_hand();
create trigger not_truncated before truncate on ledger.account_total
for each statement execute function ledger.refuse_by_hand();
create trigger not_by_hand before insert or update or delete on ledger.guarded_balance
for each statement when (pg_trigger_depth() = 0) execute function ledger.refuse_by_hand();
create trigger not_truncated before truncate on ledger.guarded_balance
for each statement execute function ledger.refuse_by_hand();
create trigger not_by_hand before insert or update or delete on ledger.due_check
for each statement when (pg_trigger_depth() = 0) execute function ledger.refuse_by_hand();
create trigger not_truncated before truncate on ledger.due_check
for each statement execute function ledger.refuse_by_hand();
create trigger not_by_hand before insert or update or delete on ledger.posting_gate
for each statement when (pg_trigger_depth() = 0) execute function ledger.refuse_by_hand();
create trigger not_truncated before truncate on ledger.posting_gate
for each statement execute function ledger.refuse_by_hand();

create function ledger.fold_deleted_totals() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ledger.account_total (
        account_id, currency, business_date, debit, credit, base_debit, base_credit, entries, folded
    )
    select
        account_id, currency, business_date, sum(debit), sum(credit), sum(base_debit), sum(base_credit), sum(entries),
        true
    from deleted_totals
    group by account_id, currency, business_date;
    return null;
end
$$;

create trigger fold after delete on ledger.account_total referencing old table as deleted_totals
for each statement execute function ledger.fold_deleted_totals();

-- Folds the totals that postings have added since the last time, so that balances stay cheap: the sums stay. Returns
-- how many rows were folded. For callers that may not delete rows; who folds the same ones meanwhile is waited for.
create function ledger.fold_totals() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with folded as (
        delete from ledger.account_total
        where (account_id, currency, business_date) in (
            select
                added.account_id,
                added.currency,
                added.business_date
            from ledger.account_total as added
            where not added.folded
        )
        returning 1
    )

    select count(*) from folded
$$;

-- Currencies and accounts stay as the entries have found them.
create function ledger.keep_master_data() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op in ('DELETE', 'TRUNCATE') then
        raise exception '%.%: % is refused, entries may name it', tg_table_schema, tg_table_name, lower(tg_op)
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if tg_table_name = 'currency' then
        if new is distinct from old then
            raise exception 'currency %: its minor units are those of its entries', old.code
                using errcode = 'object_not_in_prerequisite_state';
        end if;
        return new;
    end if;
    if (new.account_id, new.owner, new.code, new.kind, new.normal_side)
        is distinct from (old.account_id, old.owner, old.code, old.kind, old.normal_side)
    then
        raise exception 'account % of %: only its name, metadata and allow_negative may change', old.code, old.owner
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if old.allow_negative and not new.allow_negative then
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception 'account % of %: allow_negative is taken away in a transaction of READ COMMITTED',
                old.code, old.owner
                using errcode = 'object_not_in_prerequisite_state';
        end if;
        -- Waits for the postings under way; later ones wait for this transaction.
        lock table ledger.posting_gate in share row exclusive mode;
        update ledger.posting_gate set changes = changes + 1;
    end if;
    return new;
end
$$;

create trigger kept before update on ledger.currency
for each row execute function ledger.keep_master_data();
create trigger not_deleted before delete or truncate on ledger.currency
for each statement execute function ledger.keep_master_data();
create trigger kept before update on ledger.account
for each row execute function ledger.keep_master_data();
create trigger not_deleted before delete or truncate on ledger.account
for each statement execute function ledger.keep_master_data();

create function ledger.guard_account() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    below record;
begin
    delete from ledger.guarded_balance where account_id = new.account_id;
    insert into ledger.guarded_balance (account_id, currency, balance)
    select
        account_id,
        currency,
        sum(case new.normal_side when 'debit' then debit - credit else credit - debit end)
    from ledger.account_total
    where account_id = new.account_id and not new.allow_negative
    group by account_id, currency;
    select currency, balance into below
    from ledger.guarded_balance where account_id = new.account_id and balance < 0 limit 1;
    if found then
        raise exception 'account % of % is at % %: it cannot be kept from going below zero',
            new.code, new.owner, below.balance, below.currency
            using errcode = 'check_violation', constraint = 'account_allow_negative';
    end if;
    return null;
end
$$;

create trigger guarded after update of allow_negative on ledger.account
for each row when (old.allow_negative is distinct from new.allow_negative)
execute function ledger.guard_account();

create function ledger.month_changes() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    lock table ledger.posting_gate in share row exclusive mode;
    update ledger.posting_gate set changes = changes + 1;
    return null;
end
$$;

create trigger gate before insert or update or delete or truncate on ledger.closed_month
for each statement execute function ledger.month_changes();

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
    refused boolean;
    unfinished uuid[];
    wrong record;
begin
    -- Behind the lock a statement sees what was committed before it; an older snapshot needs the row.
    lock table ledger.posting_gate in row exclusive mode;
    if current_setting('transaction_isolation') <> 'read committed' then
        perform from ledger.posting_gate for share;
    end if;
    select bool_or(
        closed_month.month is not null
        or posted.posted_xact <> pg_current_xact_id()
        or posted.reverses is not null and first_one.transaction_id is null
    ) into refused
    from new_transactions as posted
    left join ledger.closed_month on date_trunc('month', posted.business_date)::date = closed_month.month
    left join ledger.transaction as first_one on posted.reverses = first_one.transaction_id;
    if refused then
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
