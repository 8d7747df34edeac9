-- Purpose: charges with their tax rows, and the aggregates that Tripica sums them into.
-- Grain: a charge; a charge and tax category; an event and aggregate number; an aggregate, category and rate.
create table bench.charge as
with sized as (
    select
        story.story,
        story.customer,
        story.account,
        story.kind,
        story.happened,
        story.product,
        template.pos,
        template.txn,
        template.aggregate,
        template.sign,
        template.tax,
        template.advice,
        template.axis,
        template.refers,
        template.refers_txn,
        story.charges_before + template.pos as number,
        replace(template.glid, '#', story.product) as glid,
        case
            when template.glid like '%FEE' then 350
            -- An overpayment that is used up is worth as much as the credit.
            when template.glid like 'OVERPAYMENT%' then 1000 + floor(bench.chance(story.story, 10) * 30000)::bigint
            when template.kind like 'instalment%' or template.kind like 'rejected%'
                then 2000 + floor(bench.chance(story.story, 10) * 25000)::bigint + template.pos * 100
            when template.kind like 'bonus%' then 2500 + floor(bench.chance(story.story, 10) * 10000)::bigint
            else 1000 + floor(bench.chance(story.charges_before + template.pos, 11) * 90000)::bigint
        end * template.sign as net,
        case when template.tax = 'none' then 0 when story.product = 'WATER' then 7 else 19 end as vat_rate
    from bench.story
    inner join bench.charge_template as template using (kind)
)

select
    *,
    net + vat as gross,
    'xa5-' || lpad((story % 10000)::text, 4, '0') || '-' || lpad((story * 3 + txn)::text, 8, '0') as transactionid,
    happened + make_interval(days => txn * 20, secs => pos) as created
from (
    select
        *,
        round(net * vat_rate / 100.0)::bigint as vat,
        case
            when tax = 'vat and energy' and product in ('ELEC', 'GAS') then round(net * 0.1)::bigint
        end as energy
    from sized
) as taxed;
analyze bench.charge;

create table bench.aggregate as
select
    row_number() over (order by story, aggregate) as number,
    story,
    aggregate,
    -- Aggregate ids look like a SHA-1 in base64: 27 characters and a padding sign.
    left(encode(sha256(convert_to(story || '/' || aggregate, 'UTF8')), 'base64'), 27) || '=' as aggregateid
from (
    select distinct story, aggregate from bench.charge where aggregate is not null
    union all
    select story.story, 10 + template.aggregate
    from bench.story
    inner join bench.balance_template as template using (kind)
    where template.aggregate is not null
) as posted;
analyze bench.aggregate;

insert into datalake_vault.applied_billing_charge (
    ouid, datetimecreate, datetimelastmodif, customerouid, billingaccountouid, settlementnoteadviceouid, transactionid,
    glid, analyticaxis, productname, startdatetime, enddatetime, taxexcludedamount, taxincludedamount, aggregateid,
    accountingid, characteristics
)
select
    600000000 + charge.number,
    charge.created,
    -- One delay for all charges of an event: the 2019 cut-off takes a bill whole.
    charge.created + make_interval(secs => 600 + floor(bench.chance(charge.story, 12) * 600000)),
    40000000 + charge.customer,
    charge.account,
    case when charge.advice then 70000000 + charge.story end,
    charge.transactionid,
    charge.glid,
    charge.axis,
    case when charge.glid like '%\_MANUAL\_CONSUMPTION' then 'Direktverbrauch ' || charge.story end,
    case
        when charge.glid like '%\_MANUAL\_CONSUMPTION' or charge.advice
            then date_trunc('day', charge.created at time zone 'UTC') at time zone 'UTC' - interval '365 days'
    end,
    case
        when charge.glid like '%\_MANUAL\_CONSUMPTION' or charge.advice
            then date_trunc('day', charge.created at time zone 'UTC') at time zone 'UTC' - interval '1 day'
    end,
    charge.net,
    charge.gross,
    aggregate.aggregateid,
    case when charge.aggregate is null and bench.chance(charge.number, 13) < 0.01 then 'ignored' end,
    case
        when charge.refers is not null
            then jsonb_build_object(
                charge.refers,
                'xa5-' || lpad((charge.story % 10000)::text, 4, '0') || '-'
                || lpad((charge.story * 3 + charge.refers_txn)::text, 8, '0')
            )
    end
from bench.charge
left join bench.aggregate on aggregate.story = charge.story and aggregate.aggregate = charge.aggregate
order by charge.number;

insert into datalake_vault.applied_billing_tax_rate (ouid, appliedbillingchargeouid, taxcategory, taxrate, amount)
select
    900000000 + number * 2,
    600000000 + number,
    'VAT',
    vat_rate,
    vat
from bench.charge
union all
select
    900000001 + number * 2,
    600000000 + number,
    case product when 'ELEC' then 'electricityTax' else 'gasTax' end,
    case product when 'ELEC' then 2.05 else 0.55 end,
    energy
from bench.charge
where energy is not null;

insert into datalake_vault.settlement_note_advice (ouid, id, datetimecreate, paymentduedate)
select
    70000000 + story,
    'R' || extract(year from happened at time zone 'UTC') || '-' || lpad(story::text, 8, '0'),
    happened + interval '3 hours',
    case when bench.chance(story, 14) < 0.9 then happened + interval '14 days' end
from bench.story
where kind like 'yearly\_bill%' or kind = 'migrated_bill';

insert into datalake_vault.charge_aggregate (ouid, aggregateid)
select
    80000000 + number,
    aggregateid
from bench.aggregate
where aggregate < 10;

create table bench.tax_aggregate as
select
    85000000 + row_number() over (order by aggregate.number, tax.taxcategory) as ouid,
    aggregate.number,
    tax.taxcategory,
    tax.taxrate,
    sum(tax.amount) as amount
from bench.charge
inner join bench.aggregate using (story, aggregate)
cross join lateral (
    values
    ('VAT', charge.vat_rate::numeric, charge.vat),
    (
        case charge.product when 'ELEC' then 'electricityTax' else 'gasTax' end,
        case charge.product when 'ELEC' then 2.05 else 0.55 end,
        charge.energy
    )
) as tax (taxcategory, taxrate, amount)
where tax.amount is not null
group by aggregate.number, tax.taxcategory, tax.taxrate;
analyze bench.tax_aggregate;

insert into datalake_vault.tax_aggregate (ouid, chargeaggregateouid, taxcategory, taxrate, amount)
select
    ouid,
    80000000 + number,
    taxcategory,
    taxrate,
    amount
from bench.tax_aggregate;
