-- Purpose: customers, their accounts and logins; and the events, in the order of time, each on an account.
-- Grain: an account; an event (bench.story). Three customers of five have a contract account below their master account.
create table bench.customer as
select
    customer,
    -- Charges sit on the contract account; a customer without one has them on the master account.
    sum(1 + contract) over (order by customer) - contract as master,
    sum(1 + contract) over (order by customer) as charged,
    contract
from (
    select
        customer,
        (bench.chance(customer, 1) < 0.6)::integer as contract
    from generate_series(1, ceil(current_setting('bench.charges')::bigint / 8.5 / 1.6)::bigint) as customer
) as drawn;
analyze bench.customer;

insert into datalake_vault.billing_account (ouid, name, customerouid, characteristics)
select
    20000000 + master,
    'en-' || 4000000000 + master * 13,
    40000000 + customer,
    case when bench.chance(customer, 2) < 0.3 then '{"migrationFlag": "M2021"}'::jsonb end
from bench.customer
union all
select
    20000000 + charged,
    (300000000 + charged)::text,
    40000000 + customer,
    null
from bench.customer
where contract = 1;

insert into datalake_vault.billing_account_relationship (ouid, billingaccountouid, targetbillingaccountouid)
select
    25000000 + customer,
    20000000 + charged,
    20000000 + master
from bench.customer
where contract = 1;

insert into datalake_vault.login (ouid, customerouid, externalid)
select
    50000000 + customer,
    40000000 + customer,
    (7000000 + customer * 7)::text
from bench.customer;

-- Kinds by weight, so that one equality join draws them all.
create table bench.draw as
select
    kind,
    row_number() over (order by kind, ticket) - 1 as slot
from bench.kind
cross join generate_series(1, weight) as ticket;

create table bench.drawn as
select
    drawn.number,
    draw.kind,
    size.charges,
    sum(size.charges) over (order by drawn.number)::bigint as up_to
from (
    select
        number,
        -- The first events are one of each kind, so that every kind occurs in small vaults too.
        coalesce(
            first_of_kind.slot,
            floor(bench.chance(number, 3) * (select count(*) from bench.draw))::bigint
        ) as slot
    from generate_series(1, current_setting('bench.charges')::bigint) as number
    left join (
        select
            min(slot) as slot,
            row_number() over (order by kind) as kind_number
        from bench.draw
        group by kind
    ) as first_of_kind on first_of_kind.kind_number = number
) as drawn
inner join bench.draw using (slot)
inner join (select kind, count(*) as charges from bench.charge_template group by kind) as size using (kind);

-- Exactly as many charges as asked for: whole events as long as they fit, instalments for the rest.
create table bench.story as
with fitting as (
    select
        number,
        kind,
        up_to - charges as charges_before
    from bench.drawn
    where up_to <= current_setting('bench.charges')::bigint

    union all

    select
        current_setting('bench.charges')::bigint + filler,
        'instalment_paid',
        used.charges + filler - 1
    from (
        select coalesce(max(up_to), 0) as charges
        from bench.drawn
        where up_to <= current_setting('bench.charges')::bigint
    ) as used
    cross join generate_series(1, current_setting('bench.charges')::bigint - used.charges) as filler
),

numbered as (
    select
        row_number() over (order by number) as story,
        count(*) over () as stories,
        kind,
        charges_before
    from fitting
)

select
    story,
    kind,
    charges_before,
    customer.customer,
    20000000 + customer.charged as account,
    (array['ELEC', 'ELEC', 'ELEC', 'ELEC', 'ELEC', 'GAS', 'GAS', 'HEAT', 'HEAT', 'WATER'])[
        1 + floor(bench.chance(customer.customer, 4) * 10)::integer
    ] as product,
    -- Events are spread evenly over the six and a half years from June 2019, so the 2019 cut-off and all windows occur.
    timestamptz '2019-06-15 06:00:00+00'
    + make_interval(secs => floor(2370 * 86400.0 * (story - 1 + bench.chance(story, 5)) / stories)) as happened
from numbered
inner join bench.customer
    on customer.customer = 1 + floor(bench.chance(story, 6) * (select max(customer) from bench.customer))::bigint;
analyze bench.story;
