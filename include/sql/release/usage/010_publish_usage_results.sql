-- Purpose: puts the candidate in the place of report_oibl.usage_results, in one transaction.
-- Grain:   as the candidate.
-- Sources: new_usage_results.
-- Settings: bda.run_id, bda.release_lock_timeout (else 2s), bda.release_attempts (else 30).
--
-- Readers see the old table or the new one and wait for neither: the lock is held for the renames only. It is asked
-- for in short turns, so that new readers do not queue behind a long one. A repeated task finds its own stamp and
-- changes nothing.

do $$
declare
    attempts constant integer := coalesce(nullif(current_setting('bda.release_attempts', true), ''), '30')::integer;
    patience constant text := coalesce(nullif(current_setting('bda.release_lock_timeout', true), ''), '2s');
    run_id constant text := coalesce(current_setting('bda.run_id', true), '');
    -- The first line of the table's comment; a stamp with more of its run stands below.
    released_by text := split_part(
        obj_description(to_regclass('report_oibl.usage_results'), 'pg_class'), chr(10), 1
    );
begin
    if to_regclass('report_oibl.new_usage_results') is null then
        if run_id <> '' and released_by = 'Published by run ' || run_id then
            return;
        end if;
        raise exception 'report_oibl.new_usage_results is missing'
            using hint = 'The init scripts make it: run them before the release.';
    end if;

    for attempt in 1..attempts loop
        begin
            perform set_config('lock_timeout', patience, true);
            if to_regclass('report_oibl.usage_results') is not null then
                lock table report_oibl.usage_results in access exclusive mode;
            end if;
            exit;
        exception when lock_not_available then
            if attempt = attempts then
                raise;
            end if;
            perform pg_sleep(3);
        end;
    end loop;

    drop table if exists report_oibl.old_usage_results;
    alter table if exists report_oibl.usage_results rename to old_usage_results;
    alter table report_oibl.new_usage_results rename to usage_results;
    -- No cascade: what others built on the table is not removed behind their back (finding O13).
    drop table if exists report_oibl.old_usage_results;
    execute format('comment on table report_oibl.usage_results is %L', 'Published by run ' || run_id);
end
$$;
