-- Purpose: balances, payment requests and what they refer to, products of manual consumption, write-off orders, dunning.
create table bench.balance as
select
    row_number() over (order by story.story, template.pos) as number,
    story.story,
    story.account,
    story.happened,
    template.txn,
    template.status,
    template.lettered,
    template.aggregate,
    'xa5-' || lpad((story.story % 10000)::text, 4, '0') || '-'
    || lpad((story.story * 3 + template.txn)::text, 8, '0') as transactionid,
    coalesce(charge.gross, whole.gross) as amount
from bench.story
inner join bench.balance_template as template using (kind)
left join bench.charge on charge.story = story.story and charge.pos = template.of_pos
left join (
    select story, txn, sum(gross) as gross from bench.charge where kind = 'instalments_cancelled_by_sum' group by story, txn
) as whole on whole.story = story.story and whole.txn = template.txn and template.of_pos is null;
analyze bench.balance;

insert into datalake_vault.billing_account_balance (
    ouid, datetimecreate, datetimelastmodif, billingaccountouid, transactionid, status, amount, startdatetime,
    letteringdate, aggregateid, accountingid
)
select
    310000000 + balance.number,
    balance.happened + make_interval(days => balance.txn * 20, secs => 30),
    balance.happened + make_interval(days => balance.txn * 20 + 15, secs => 30),
    balance.account,
    balance.transactionid,
    balance.status,
    balance.amount,
    balance.happened + make_interval(days => balance.txn * 20 + 14),
    case when balance.lettered then balance.happened + make_interval(days => balance.txn * 20 + 15) end,
    aggregate.aggregateid,
    null
from bench.balance
left join bench.aggregate on aggregate.story = balance.story and aggregate.aggregate = 10 + balance.aggregate
order by balance.number;

create table bench.request as
select
    row_number() over (order by story.story, template.pos) as number,
    story.story,
    story.happened,
    template.txn,
    template.status,
    template.event,
    template.referredtype,
    template.item_of_txn
from bench.story
inner join bench.request_template as template using (kind)
-- Only every hundredth bill came with the migration.
where template.event is null or story.story % 100 = 0;
analyze bench.request;

insert into datalake_vault.payment_request (
    ouid, transactionid, status, bpmeventname, daterequest, datelastchangestatus, datetimelastmodif
)
select
    420000000 + number,
    'xa5-' || lpad((story % 10000)::text, 4, '0') || '-' || lpad((story * 3 + txn)::text, 8, '0'),
    status,
    event,
    happened + make_interval(days => txn * 20 + 1),
    happened + make_interval(days => txn * 20 + 5),
    happened + make_interval(days => txn * 20 + 5)
from bench.request;

insert into datalake_vault.payment_item (ouid, paymentouid, referredouid, referredtype, amount)
select
    450000000 + row_number() over (order by request.number),
    420000000 + request.number,
    310000000 + balance.number,
    request.referredtype,
    balance.amount
from bench.request
inner join bench.balance on balance.story = request.story and balance.txn = request.item_of_txn;

insert into datalake_vault.product (ouid, name, billingaccountouid, orderdate, startdatetime, enddatetime, characteristics)
select
    60000000 + story,
    'Direktverbrauch ' || story,
    account,
    date_trunc('hour', created at time zone 'UTC') at time zone 'UTC' + interval '10 minutes',
    date_trunc('day', created at time zone 'UTC') at time zone 'UTC' - interval '365 days',
    date_trunc('day', created at time zone 'UTC') at time zone 'UTC' - interval '1 day',
    jsonb_build_object('billId', 'BC-' || story)
from bench.charge
where kind = 'manual_consumption' and pos = 1
union all
select
    60000000 + story,
    'X_ACTCHARGESCANCELLATION_V2',
    null,
    happened + interval '200 days',
    null,
    null,
    jsonb_build_object('CANCELLATION_REASON', 'Verjährung', 'CHARGES_OUIDS', (600000000 + number)::text)
from bench.charge
where kind = 'written_off';

insert into datalake_vault.product_order (ouid, state)
select 65000000 + story, case when bench.chance(story, 20) < 0.9 then 'COMPLETED' else 'IN_PROGRESS' end
from bench.story
where kind = 'written_off';

insert into datalake_vault.order_item (ouid, productorderouid, product_ouid)
select 66000000 + story, 65000000 + story, 60000000 + story
from bench.story
where kind = 'written_off';

insert into datalake_vault.note (ouid, productorderouid, text)
select 67000000 + story, 65000000 + story, 'Ausbuchung, "Altfall", Vorgang ' || story
from bench.story
where kind = 'written_off';

-- Three customers of a hundred are being reminded, two have an agreed pause.
insert into receivablemanagement_vault.case_receivables (id, mba, status, created_at)
select
    md5('case ' || customer)::uuid,
    'en-' || 4000000000 + master * 13,
    (array['DUNNING', 'BLOCKING', 'INKASSO', 'CLOSED'])[1 + floor(bench.chance(customer, 21) * 4)::integer],
    timestamptz '2025-01-01 00:00:00+00' + make_interval(secs => floor(bench.chance(customer, 22) * 2e7))
from bench.customer
where bench.chance(customer, 23) < 0.03 or customer = 1;

insert into receivablemanagement_vault.dunning_claims (id, case_receivable_id, dunning_claim_id, dunning_level, scenario)
select
    md5('dunning claim ' || id)::uuid,
    id,
    md5('claim ' || id)::uuid,
    1 + hashtext(mba) & 3,
    'STANDARD'
from receivablemanagement_vault.case_receivables;

insert into dunning_vault.claims (id, status)
select dunning_claim_id, 'ACTIVE' from receivablemanagement_vault.dunning_claims;

insert into dunninglock_vault.dunning_locks (id, mba, reason, deleted, expires_at, created_at, updated_at)
select
    md5('lock ' || customer)::uuid,
    'en-' || 4000000000 + master * 13,
    'Ratenplan',
    bench.chance(customer, 24) < 0.1,
    case when bench.chance(customer, 25) < 0.5 then timestamptz '2098-01-31 12:00:00+00' end,
    timestamptz '2025-01-01 00:00:00+00' + make_interval(secs => floor(bench.chance(customer, 26) * 2e7)),
    timestamptz '2025-09-01 00:00:00+00'
from bench.customer
where bench.chance(customer, 27) < 0.02 or customer = 1;

insert into receivablemanagement_vault.dunning_locks (id, mba, deleted, updated_at)
select id, mba, deleted, updated_at from dunninglock_vault.dunning_locks;
