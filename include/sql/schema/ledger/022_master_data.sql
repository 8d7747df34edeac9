-- Purpose: currencies, accounts and closed months change only as their postings allow.
-- Grain:   none.
-- Sources: none.

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
