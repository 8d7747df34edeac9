-- What the agency's people keep: customers, their organizations, prices, agreements. The GUIDs are those of the
-- stand-in of the platform (local/cloudfoundry.py). The organization library has no customer yet: a check tells it.
insert into usage_vault.tier (name, credits) values ('basic', 500), ('plus', 5000) on conflict do nothing;
insert into usage_vault.customer (customer_id, name, tier) values
('9f42287d-f940-5b03-b13f-909ecd82312d', 'Department of Parks', 'plus'),
('58466fd6-7ba8-54c7-b8f8-d88bff51eeda', 'Transit Authority', 'basic')
on conflict do nothing;
insert into usage_vault.organization (org_id, name, customer_id) values
('504d62ae-01c6-5346-934e-c956c08f1358', 'parks', '9f42287d-f940-5b03-b13f-909ecd82312d'),
('680299b1-1d28-59e2-a186-e949d8214019', 'transit', '58466fd6-7ba8-54c7-b8f8-d88bff51eeda')
on conflict do nothing;
-- Half a credit for a gigabyte and hour; services by the hour, at thirds of a microcredit.
insert into usage_vault.price (meter, kind_id, unit_of_measure, microcredits_per_unit, unit, valid_during)
select
    listed.meter,
    listed.kind_id,
    listed.unit_of_measure,
    listed.microcredits,
    listed.unit,
    tstzrange('2020-01-01 00:00:00+00', null) as valid_during
from (
    values
    ('cfapps', '', 'MB hour', 500000, 1024),
    ('cfservices', '55b4c405-355b-533d-8c48-b88ad3097a40', 'hour', 1000000, 3),
    ('cfservices', '1aee2a31-25ed-5a7e-a0c3-440a1cb772f9', 'hour', 250000, 1)
) as listed (meter, kind_id, unit_of_measure, microcredits, unit)
where not exists (
    select from usage_vault.price as known where known.meter = listed.meter and known.kind_id = listed.kind_id
);
-- An agreement of last month.
insert into usage_vault.agreement (agreement_id, customer_id, starts, ends, credits)
select
    'sample-parks' as agreement_id,
    '9f42287d-f940-5b03-b13f-909ecd82312d' as customer_id,
    (date_trunc('month', now() at time zone 'America/New_York') - interval '1 month')::date as starts,
    date_trunc('month', now() at time zone 'America/New_York')::date as ends,
    1000 as credits
on conflict do nothing;
