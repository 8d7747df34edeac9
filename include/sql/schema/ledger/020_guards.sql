-- Purpose: the tables that the ledger's guards keep, and what nobody may change: postings, and these tables by hand.
-- Grain:   one row per change that postings wait for, due check, sum of a statement, guarded balance.
-- Sources: none.
--
-- The database itself keeps what the ledger guarantees, for every client of it, the tables' owner included. At commit
-- (or at SET CONSTRAINTS ... IMMEDIATE) each transaction has two entries or more, balances in each currency, and in
-- base where base amounts are given. At each statement: accounts and currencies are known, amounts fit the currency's
-- minor units, the month is open. Transactions and entries are never changed or deleted. No database can guard against
-- a superuser who switches triggers off (session_replication_role) or an owner who drops them.
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
