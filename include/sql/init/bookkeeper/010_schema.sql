-- Purpose: the schema of the report, owned by the role that runs the aggregator.
-- Grain:   none.
-- Sources: none.
--
-- Systems run side by side: of several that do this at once, one does it at a time.

select pg_advisory_xact_lock(hashtext('schema report_oibl'));

-- A role that may create no schema may work in one that exists: "if not exists" would ask for the right all the same.
do $$
begin
    if to_regnamespace('report_oibl') is null then
        create schema report_oibl;
    end if;
end
$$;

-- Grants (section 15, finding O14): the replaced service let every later table be read by nearly everyone, by default
-- privileges that nobody revoked. Intermediate tables hold personal and dunning data: take those privileges back.
do $$
declare
    granted record;
begin
    for granted in
        select distinct acl.grantee
        from pg_default_acl as defaults
        cross join aclexplode(defaults.defaclacl) as acl
        where
            defaults.defaclnamespace = 'report_oibl'::regnamespace
            and defaults.defaclrole = current_user::regrole
            and defaults.defaclobjtype = 'r'
            and acl.grantee <> defaults.defaclrole
    loop
        execute format(
            'alter default privileges in schema report_oibl revoke all on tables from %s',
            case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end
        );
    end loop;
end
$$;
