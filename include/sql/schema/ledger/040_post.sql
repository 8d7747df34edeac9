-- Purpose: posts one transaction by its idempotency key: for callers that post one at a time.
-- Grain:   none.
-- Sources: none.

-- entries: an array in the order of the lines, each {"owner", "code", "side", "amount", "currency", "base_amount"};
-- amounts as strings or numbers. Returns the transaction. The same key with the same content returns the first
-- transaction and posts nothing; with other content it is refused (unique_violation, transaction_idempotency).
-- occurred_at is compared where it is given.
create function ledger.post(
    idempotency_key text,
    kind text,
    business_date date,
    source text,
    entries jsonb,
    description text default '',
    occurred_at timestamptz default null,
    reverses uuid default null,
    metadata jsonb default '{}'
) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    posted ledger.transaction;
    missing text;
    wanted text;
    found_content text;
begin
    if jsonb_typeof(post.entries) is distinct from 'array' then
        raise exception 'transaction %: entries must be an array', post.idempotency_key
            using errcode = 'invalid_parameter_value';
    end if;
    -- The table would round what is finer than six decimals.
    select format('line %s: amounts have at most 6 decimals', given.line) into missing
    from jsonb_array_elements(post.entries) with ordinality as given (entry, line)
    where
        (given.entry ->> 'amount')::numeric <> round((given.entry ->> 'amount')::numeric, 6)
        or (given.entry ->> 'base_amount')::numeric <> round((given.entry ->> 'base_amount')::numeric, 6)
    limit 1;
    if missing is not null then
        raise exception 'transaction %, %', post.idempotency_key, missing
            using errcode = 'check_violation', constraint = 'entry_minor_units';
    end if;
    select format('line %s: %s has no account %s', given.line, given.entry ->> 'owner', given.entry ->> 'code')
    into missing
    from jsonb_array_elements(post.entries) with ordinality as given (entry, line)
    where not exists (
        select from ledger.account
        where account.owner = given.entry ->> 'owner' and account.code = given.entry ->> 'code'
    )
    limit 1;
    if missing is not null then
        raise exception 'transaction %, %', post.idempotency_key, missing
            using errcode = 'foreign_key_violation', constraint = 'entry_account';
    end if;

    -- By one statement: what comes whole is checked with it, and waits for no check at commit.
    with made as (
        insert into ledger.transaction (
            idempotency_key, kind, business_date, occurred_at, description, source, reverses, metadata
        )
        values (
            post.idempotency_key, post.kind, post.business_date, coalesce(post.occurred_at, now()),
            coalesce(post.description, ''), post.source, post.reverses, coalesce(post.metadata, '{}')
        )
        on conflict on constraint transaction_idempotency_key_key do nothing
        returning transaction_id
    ),

    lines as (
        insert into ledger.entry (transaction_id, line, account_id, side, amount, currency, base_amount)
        select
            made.transaction_id,
            given.line,
            account.account_id,
            given.entry ->> 'side',
            (given.entry ->> 'amount')::numeric,
            given.entry ->> 'currency',
            (given.entry ->> 'base_amount')::numeric
        from made
        cross join jsonb_array_elements(post.entries) with ordinality as given (entry, line)
        inner join ledger.account
            on given.entry ->> 'owner' = account.owner and given.entry ->> 'code' = account.code
    )

    select made.transaction_id into posted.transaction_id from made;
    if found then
        return posted.transaction_id;
    end if;

    select * into posted from ledger.transaction as first_one where first_one.idempotency_key = post.idempotency_key;
    select format('%s %s of %s, reverses %s, %s, %s', post.kind, post.business_date, post.source,
        coalesce(post.reverses::text, 'nothing'), coalesce(post.description, ''), coalesce(post.metadata, '{}'))
        || coalesce(' at ' || post.occurred_at, '')
        || coalesce(
            string_agg(
                format(
                    '; %s %s of %s %s %s base %s', given.entry ->> 'side', given.entry ->> 'code',
                    given.entry ->> 'owner', trim_scale((given.entry ->> 'amount')::numeric),
                    given.entry ->> 'currency',
                    coalesce(trim_scale((given.entry ->> 'base_amount')::numeric)::text, 'none')
                ),
                '' order by given.line
            ),
            ''
        )
    into wanted
    from jsonb_array_elements(post.entries) with ordinality as given (entry, line);
    select format('%s %s of %s, reverses %s, %s, %s', posted.kind, posted.business_date, posted.source,
        coalesce(posted.reverses::text, 'nothing'), coalesce(posted.description, ''), coalesce(posted.metadata, '{}'))
        || case when post.occurred_at is null then '' else ' at ' || posted.occurred_at end
        || coalesce(
            string_agg(
                format(
                    '; %s %s of %s %s %s base %s', entry.side, account.code, account.owner, trim_scale(entry.amount),
                    entry.currency, coalesce(trim_scale(entry.base_amount)::text, 'none')
                ),
                '' order by entry.line
            ),
            ''
        )
    into found_content
    from ledger.entry
    inner join ledger.account on entry.account_id = account.account_id
    where entry.transaction_id = posted.transaction_id;
    if wanted is distinct from found_content then
        raise exception 'idempotency key % has been used with other content', post.idempotency_key
            using errcode = 'unique_violation', constraint = 'transaction_idempotency',
                detail = format(
                    'Transaction %s is: %s. What is posted now is: %s.', posted.transaction_id, found_content, wanted
                ),
                hint = 'A retry sends the same content; another transaction needs a key of its own.';
    end if;
    return posted.transaction_id;
end
$$;
