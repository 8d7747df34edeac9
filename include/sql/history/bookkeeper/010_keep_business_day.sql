-- Purpose: keeps what was published for the business day, in place of what an earlier run of that day kept, and lets
--          the days beyond the client's retention go.
-- Grain:   one row per published row and business day; row_no is the row's place in the published order.
-- Sources: bookkeeper_results.
-- Settings: bda.business_date (else today), bda.timezone (else Europe/Berlin), bda.retention_days (else 400),
--           bda.run_id.
--
-- What was published for a day, exactly and in order:
--     select <columns of the results> from report_oibl.history_bookkeeper_results
--     where business_date = '2026-11-20' order by row_no;

create table if not exists report_oibl.history_bookkeeper_results (
    business_date date not null,
    row_no bigint not null,
    run_id text not null,
    like report_oibl.bookkeeper_results
) partition by list (business_date);

do $$
declare
    run_id constant text := coalesce(current_setting('bda.run_id', true), '');
    today constant date := (
        now() at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
    )::date;
    business_date constant date := coalesce(nullif(current_setting('bda.business_date', true), '')::date, today);
    retention_days constant integer := coalesce(nullif(current_setting('bda.retention_days', true), ''), '400')::integer;
    day_table constant text := 'history_bookkeeper_results_' || to_char(business_date, 'YYYYMMDD');
    released_by constant text := split_part(
        obj_description('report_oibl.bookkeeper_results'::regclass, 'pg_class'), chr(10), 1
    );
    obsolete record;
begin
    if run_id <> '' and released_by like 'Published by run %' and released_by <> 'Published by run ' || run_id then
        raise exception 'report_oibl.bookkeeper_results: %; this is run %', released_by, run_id
            using hint = 'A run keeps what it has released itself: clear its init tasks with everything downstream.';
    end if;

    -- The day is filled beside the history: readers of other days do not wait for it.
    execute format('drop table if exists report_oibl.%I', day_table || '_new');
    execute format(
        'create table report_oibl.%I (like report_oibl.history_bookkeeper_results including all)', day_table || '_new'
    );
    execute format(
        'insert into report_oibl.%I
        select %L::date, row_number() over (order by result.ctid), %L, result.*
        from report_oibl.bookkeeper_results as result',
        day_table || '_new', business_date, run_id
    );
    execute format(
        'alter table report_oibl.%I add constraint business_day check (business_date = %L)',
        day_table || '_new', business_date
    );

    -- A rerun of the day replaces it.
    set local lock_timeout = '60s';
    execute format('drop table if exists report_oibl.%I', day_table);
    execute format('alter table report_oibl.%I rename to %I', day_table || '_new', day_table);
    execute format(
        'alter table report_oibl.history_bookkeeper_results attach partition report_oibl.%I for values in (%L)',
        day_table, business_date
    );
    execute format('alter table report_oibl.%I drop constraint business_day', day_table);

    -- Retention: days older than so many days before this business day; a day that is yet to come counts as today.
    for obsolete in
        select child.relname
        from pg_inherits as partition
        inner join pg_class as child on partition.inhrelid = child.oid
        where
            partition.inhparent = 'report_oibl.history_bookkeeper_results'::regclass
            and to_date(right(child.relname, 8), 'YYYYMMDD') < least(business_date, today) - retention_days
        order by child.relname
    loop
        execute format('drop table report_oibl.%I', obsolete.relname);
    end loop;
end
$$;
