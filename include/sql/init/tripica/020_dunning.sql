-- Purpose: dunning level and agreed dunning pause of each master account (specification, section 8).
-- Grain:   at most one row per MBA name.
-- Sources: receivablemanagement_vault.case_receivables, dunning_claims; dunninglock_vault.dunning_locks.
--          The claims of dunning_vault and the locks of receivablemanagement_vault do not influence the result
--          (oddity D8): they are not read.
-- Settings: bda.as_of (else today in Berlin): locks that ended before that day are over.

drop table if exists report_oibl.base_data_dunning;
create unlogged table report_oibl.base_data_dunning (
    mba text,
    dunning_level integer,
    dunning_scenario text,
    status text,
    dunning_status text,
    dunning_lock_until date,
    dunning_lock_reason text,
    rnk bigint
);

do $$
begin
    -- No dunning at all where one of the three schemas has no visible table (oddity D9: kept, a precheck reports it).
    if (
        select count(distinct table_schema)
        from information_schema.tables
        where table_schema in ('receivablemanagement_vault', 'dunning_vault', 'dunninglock_vault')
    ) < 3 then
        return;
    end if;

    insert into report_oibl.base_data_dunning
    with newest_case as (
        -- Case: the newest per MBA; no creation instant counts as newest. Among cases of one instant and claims of one
        -- case the highest level (section 17).
        select distinct on (receivable.mba)
            receivable.mba,
            receivable.status::text as status,
            claim.dunning_level,
            claim.scenario
        from receivablemanagement_vault.case_receivables as receivable
        left join receivablemanagement_vault.dunning_claims as claim on receivable.id = claim.case_receivable_id
        where receivable.mba is not null
        order by
            receivable.mba,
            receivable.created_at desc nulls first,
            claim.dunning_level desc nulls last,
            receivable.id,
            claim.dunning_claim_id
    ),

    newest_lock as (
        -- Lock: the newest per MBA, chosen first.
        select distinct on (mba)
            mba,
            reason,
            deleted,
            -- End: UTC day of the expiry; none is for ever.
            coalesce((expires_at at time zone 'UTC')::date, date '9999-12-31') as lock_until
        from dunninglock_vault.dunning_locks
        where mba is not null
        order by mba, created_at desc nulls first, updated_at desc nulls first, expires_at desc nulls first, reason
    ),

    valid_lock as (
        -- Dropped when deleted or over: an older valid lock does not come back (oddity D10, kept).
        select
            mba,
            reason,
            lock_until
        from newest_lock
        where
            deleted is not true
            and lock_until >= coalesce(
                nullif(current_setting('bda.as_of', true), '')::date, (now() at time zone 'Europe/Berlin')::date
            )
    )

    select
        coalesce(newest_case.mba, valid_lock.mba) as mba,
        newest_case.dunning_level,
        newest_case.scenario as dunning_scenario,
        newest_case.status,
        case
            when newest_case.status in ('DUNNING', 'BLOCKING', 'INKASSO') then newest_case.status
        end as dunning_status,
        valid_lock.lock_until as dunning_lock_until,
        valid_lock.reason as dunning_lock_reason,
        1 as rnk
    from newest_case
    full outer join valid_lock on newest_case.mba = valid_lock.mba
    -- Without any case the locks are lost too (oddity D9, kept).
    where exists (select 1 from receivablemanagement_vault.case_receivables);
end
$$;

analyze report_oibl.base_data_dunning;
