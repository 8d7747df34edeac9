-- Purpose: puts the candidate in the place of report_oibl.tripica_results, with the customer view, in one transaction
--          (specification, section 15).
-- Grain:   as the candidate.
-- Sources: new_tripica_results.
-- Settings: bda.run_id, bda.release_lock_timeout (else 2s), bda.release_attempts (else 30).
--
-- Readers see the old list or the new one and wait for neither: the lock is held for the renames only. It is asked for
-- in short turns, so that new readers do not queue behind a long one. A repeated task finds its own stamp and changes
-- nothing. The view keeps its grants; those of a new view, and of new roles, are the next script's.

do $$
declare
    attempts constant integer := coalesce(nullif(current_setting('bda.release_attempts', true), ''), '30')::integer;
    patience constant text := coalesce(nullif(current_setting('bda.release_lock_timeout', true), ''), '2s');
    run_id constant text := coalesce(current_setting('bda.run_id', true), '');
    -- The first line of the table's comment; a stamp with more of its run stands below.
    released_by text := split_part(
        obj_description(to_regclass('report_oibl.tripica_results'), 'pg_class'), chr(10), 1
    );
begin
    if to_regclass('report_oibl.new_tripica_results') is null then
        if run_id <> '' and released_by = 'Published by run ' || run_id then
            return;
        end if;
        raise exception 'report_oibl.new_tripica_results is missing'
            using hint = 'The init scripts make it: run them before the release.';
    end if;

    for attempt in 1..attempts loop
        begin
            perform set_config('lock_timeout', patience, true);
            -- The view first, as its readers do.
            if to_regclass('report_oibl.oibl_customer') is not null then
                lock table report_oibl.oibl_customer in access exclusive mode;
            end if;
            if to_regclass('report_oibl.tripica_results') is not null then
                lock table report_oibl.tripica_results in access exclusive mode;
            end if;
            exit;
        exception when lock_not_available then
            if attempt = attempts then
                raise;
            end if;
            perform pg_sleep(3);
        end;
    end loop;

    drop table if exists report_oibl.old_tripica_results;
    alter table if exists report_oibl.tripica_results rename to old_tripica_results;
    alter table report_oibl.new_tripica_results rename to tripica_results;
    execute format('comment on table report_oibl.tripica_results is %L', 'Published by run ' || run_id);

    -- A view of other columns or types, as the replaced service left it, cannot be replaced: it is made again.
    if (
        select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
        from pg_attribute
        where attrelid = to_regclass('report_oibl.oibl_customer')
    ) <> (
        select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
        from pg_attribute
        where
            attrelid = 'report_oibl.tripica_results'::regclass
            and attnum > 0
            and attname not in (
                'applied_billing_charge_ouid', 'billing_account_ouid', 'login_ouid', 'billing_account_balance_ouid',
                'tax_item_ouid', 'datetimelastmodif', 'dunning_status', 'booking_execution_id'
            )
    ) then
        drop view report_oibl.oibl_customer;
    end if;
end
$$;

-- The customer view: 33 of the 41 columns. Left out: the five numbers of the systems, the instant of modification, the
-- dunning status and the execution id. It stays the same object from run to run: views of others on it go on.
create or replace view report_oibl.oibl_customer as
select
    cba,
    mba,
    customer_id,
    date_created,
    transaction_id,
    glid,
    analyticaxis,
    bill_id,
    due_date,
    balance_date,
    write_off_date,
    write_off_reason,
    write_off_note,
    dunning_lock_until,
    dunning_lock_reason,
    dunning_scenario,
    dunning_level,
    amount_net,
    amount_gross,
    amount_vat,
    amount_energy_tax,
    aggregate_id,
    accounting_id,
    booking_created_at,
    booking_date,
    booking_order_number,
    booking_tax_code,
    booking_mainledger_account,
    booking_reference_document_number,
    booking_debit_amount,
    booking_credit_amount,
    booking_amount_indicator,
    migration_flag
from report_oibl.tripica_results;

-- The view's columns mean what the table's mean: each has the comment that the script that built the table gave it.
do $$
declare
    described record;
begin
    for described in
        select
            of_view.attname,
            col_description(of_table.attrelid, of_table.attnum) as meaning
        from pg_attribute as of_view
        inner join pg_attribute as of_table
            on of_view.attname = of_table.attname and of_table.attrelid = 'report_oibl.tripica_results'::regclass
        where of_view.attrelid = 'report_oibl.oibl_customer'::regclass
        order by of_view.attnum
    loop
        execute format('comment on column report_oibl.oibl_customer.%I is %L', described.attname, described.meaning);
    end loop;
end
$$;

-- No cascade: what others built on the table is not removed behind their back (finding O13).
drop table if exists report_oibl.old_tripica_results;
