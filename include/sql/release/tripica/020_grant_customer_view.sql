-- Purpose: lets readers read the customer view, and nothing else of the schema (specification, section 15).
-- Grain:   none.
-- Sources: pg_roles.
--
-- Apart from the swap, which holds a lock while readers wait: a grant that fails does not undo a release. The view is
-- the same object from run to run and keeps its grants; this adds those of roles that are new since.

-- Every login role but octopus, rdsadmin and the service accounts, and the two Metabase roles (finding O14: it used to
-- be every table). The underscore is any one character: a role named bi_services is a service account, a role named
-- service is not.
do $$
declare
    reader record;
begin
    for reader in
        select rolname
        from pg_roles
        where
            (
                rolcanlogin
                and rolname not in ('octopus', 'rdsadmin')
                and rolname not like '%service_%'
            )
            or rolname in ('service_metabase_full', 'service_metabase')
        order by rolname
    loop
        execute format('grant usage on schema report_oibl to %I', reader.rolname);
        execute format('grant select on report_oibl.oibl_customer to %I', reader.rolname);
    end loop;
end
$$;
