-- Purpose: leaves in report_oibl only the results of all systems, the customer view, their history and the tables of
--          the run keeping (aggregator_*); all else goes, also what a failed run or the replaced service left.
-- Grain:   none.
-- Sources: pg_class.
--
-- No cascade (finding O13): something of others that hangs on a table makes the script fail with its name.

do $$
declare
    leftover record;
begin
    for leftover in
        select
            relname,
            case relkind
                when 'v' then 'view'
                when 'm' then 'materialized view'
                when 'f' then 'foreign table'
                when 'S' then 'sequence'
                else 'table'
            end as kind
        from pg_class
        where
            relnamespace = 'report_oibl'::regnamespace
            and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and relname <> 'oibl_customer'
            and (relname not like '%\_results' or relname like 'new\_%' or relname like 'old\_%')
            and relname not like 'history\_%'
            and relname not like 'aggregator\_%'
        -- Views before the tables that they read.
        order by relkind in ('v', 'm') desc, relname
    loop
        execute format('drop %s if exists report_oibl.%I', leftover.kind, leftover.relname);
    end loop;
end
$$;
