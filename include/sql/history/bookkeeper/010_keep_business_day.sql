-- Purpose: keeps what a system has published for the business day, in place of what an earlier run of that day kept,
--          and lets the days beyond the client's retention go.
-- Grain:   one row per published row and business day; row_no is the row's place in the published order.
-- Sources: <system>_results.
-- Settings: bda.system, bda.business_date (else today), bda.timezone (else Europe/Berlin), bda.retention_days (else
--           400), bda.run_id, bda.history_lock_timeout (else 60s).
--
-- One script for all systems: the folders of the others hold a link to this file, and bda.system, set by the run, says
-- whose results are kept. By hand: set bda.system = 'tripica';
--
-- What was published for a day, exactly and in order:
--     select <columns of the results> from report_oibl.history_<system>_results
--     where business_date = '2026-11-20' order by row_no;

do $$
declare
    system constant text := nullif(current_setting('bda.system', true), '');
    results constant text := system || '_results';
    history constant text := 'history_' || results;
    run_id constant text := coalesce(current_setting('bda.run_id', true), '');
    today constant date := (
        now() at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
    )::date;
    business_date constant date := coalesce(nullif(current_setting('bda.business_date', true), '')::date, today);
    retention_days constant integer := coalesce(
        nullif(current_setting('bda.retention_days', true), ''), '400'
    )::integer;
    -- Results may have a business date of their own, as invoices do: the day of the list is then its history_date.
    day_column text := 'business_date';
    day_table constant text := history || '_' || to_char(business_date, 'YYYYMMDD');
    released_by text;
    obsolete record;
begin
    if system is null then
        raise exception 'bda.system is not set'
            using hint = 'It names the system whose results are kept: set bda.system = ''tripica'';';
    end if;

    if exists (
        select from pg_attribute
        where
            attrelid = to_regclass(format('report_oibl.%I', results))
            and attname = 'business_date'
            and not attisdropped
    ) then
        day_column := 'history_date';
    end if;

    released_by := split_part(
        obj_description(format('report_oibl.%I', results)::regclass, 'pg_class'), chr(10), 1
    );
    if run_id <> '' and released_by like 'Published by run %' and released_by <> 'Published by run ' || run_id then
        raise exception 'report_oibl.%: %; this is run %', results, released_by, run_id
            using hint = 'A run keeps what it has released itself: clear its init tasks with everything downstream.';
    end if;

    execute format(
        'create table if not exists report_oibl.%I (
            %I date not null,
            row_no bigint not null,
            run_id text not null,
            like report_oibl.%I
        ) partition by list (%I)',
        history, day_column, results, day_column
    );

    -- The day is filled beside the history: readers of other days do not wait for it.
    execute format('drop table if exists report_oibl.%I', day_table || '_new');
    execute format('create table report_oibl.%I (like report_oibl.%I including all)', day_table || '_new', history);
    execute format(
        'insert into report_oibl.%I
        select %L::date, row_number() over (order by result.ctid), %L, result.*
        from report_oibl.%I as result',
        day_table || '_new', business_date, run_id, results
    );
    execute format(
        'alter table report_oibl.%I add constraint business_day check (%I = %L)',
        day_table || '_new', day_column, business_date
    );

    -- A rerun of the day replaces it.
    perform set_config(
        'lock_timeout', coalesce(nullif(current_setting('bda.history_lock_timeout', true), ''), '60s'), true
    );
    execute format('drop table if exists report_oibl.%I', day_table);
    execute format('alter table report_oibl.%I rename to %I', day_table || '_new', day_table);
    execute format(
        'alter table report_oibl.%I attach partition report_oibl.%I for values in (%L)',
        history, day_table, business_date
    );
    execute format('alter table report_oibl.%I drop constraint business_day', day_table);

    -- Retention: days older than so many days before this business day; a day that is yet to come counts as today.
    for obsolete in
        -- Materialised: otherwise the server may look for a date in the name of each table that there is, and fail.
        with day as materialized (
            select child.relname
            from pg_inherits as partition
            inner join pg_class as child on partition.inhrelid = child.oid
            where partition.inhparent = format('report_oibl.%I', history)::regclass
        )

        select day.relname
        from day
        where to_date(right(day.relname, 8), 'YYYYMMDD') < least(business_date, today) - retention_days
        order by day.relname
    loop
        execute format('drop table report_oibl.%I', obsolete.relname);
    end loop;
end
$$;
