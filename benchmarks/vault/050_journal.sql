-- Purpose: the journal: every aggregate posted on the day after its event, in one booking run a day, up to eight
--     aggregates a document; each document in balance. A fifth of the documents carries VAT as tax lines of its items.
-- Grain: bench.posting one row per aggregate and posting line.

create table bench.document as
select
    *,
    dense_rank() over (order by day, bundle) as document
from (
    select
        aggregate.number,
        aggregate.story,
        aggregate.aggregate,
        aggregate.aggregateid,
        (story.happened at time zone 'UTC')::date + 1 as day,
        (row_number() over (partition by (story.happened at time zone 'UTC')::date order by aggregate.number) - 1)
        / 8 as bundle
    from bench.aggregate
    inner join bench.story using (story)
) as dated;
analyze bench.document;

-- The sums that are posted; amounts to the customer's credit are counted negative.
create table bench.sums as
select
    story,
    aggregate,
    min(glid) as glid,
    min(axis) as axis,
    min(product) as product,
    sum(net * direction) as net,
    sum(vat * direction) as vat,
    sum(coalesce(energy, 0) * direction) as energy,
    count(energy) > 0 as has_energy,
    min(vat_rate) as vat_rate
from (select *, case when glid like '%\_MANUAL\_BONUS' then -1 else 1 end as direction from bench.charge) as charge
where aggregate is not null
group by story, aggregate

union all

select
    story,
    10 + aggregate,
    'PAYMENT',
    null,
    null,
    amount,
    0,
    0,
    false,
    null
from bench.balance
where aggregate is not null;
analyze bench.sums;

create table bench.posting as
with posted as (
    select
        document.number,
        document.document,
        document.day,
        document.aggregateid,
        sums.*,
        bench.chance(document.document, 30) < 0.2 and sums.glid <> 'PAYMENT' as tax_as_line,
        -- In these windows the journal labelled the gross and the net line the wrong way round ("Amount rules").
        sums.glid like '%\_DISCOUNT\_%' and document.day < date '2023-01-18'
        or sums.glid like '%\_MANUAL\_BONUS' and document.day > date '2020-11-12' and document.day < date '2023-01-13'
        or sums.glid like '%\_SUBSCRIPTION\_%' and sums.axis like '%cancellation%'
        and document.day < date '2021-06-08' as swapped
    from bench.document
    inner join bench.sums using (story, aggregate)
)

select
    posted.number,
    posted.document,
    posted.day,
    posted.aggregateid,
    posted.tax_as_line,
    line.account,
    line.formula,
    line.amount,
    line.taxcategory,
    posted.vat,
    posted.net,
    line.mwskz
from posted
cross join lateral (
    values
    (
        '14000000',
        case when posted.swapped then 'TaxIncludedAmount - VAT - ENERGYTAX' else 'TaxIncludedAmount' end,
        posted.net + posted.vat,
        null,
        null,
        true
    ),
    (
        '80120040',
        case
            when posted.glid = 'PAYMENT' or posted.swapped then 'TaxIncludedAmount'
            when posted.product = 'GAS' and posted.has_energy then 'VATExcludedAmount - GASTAX'
            when posted.has_energy then 'TaxIncludedAmount - VAT - ELECTRICITYTAX'
            when posted.number % 2 = 0 then 'TaxIncludedAmount - VAT'
            else 'VATExcludedAmount'
        end,
        - (posted.net - posted.energy),
        null,
        case posted.vat_rate when 19 then '1A' when 7 then '1B' end,
        true
    ),
    (
        '76200010',
        case posted.product when 'GAS' then 'GASTAX' else 'ELECTRICITYTAX' end,
        - posted.energy,
        case posted.product when 'GAS' then 'gasTax' else 'electricityTax' end,
        null,
        posted.has_energy
    ),
    ('76100030', 'VAT', - posted.vat, 'VAT', null, posted.vat <> 0 and not posted.tax_as_line)
) as line (account, formula, amount, taxcategory, mwskz, wanted)
where line.wanted;

-- Payments that the allocation service received itself: a document of two lines each.
create table bench.pas as
select
    number,
    (timestamptz '2019-08-01 00:00:00+00' + make_interval(days => floor(2300 * bench.chance(number, 40))::integer))
    ::date as day,
    (select max(document) from bench.document) + number as document,
    md5('pas ' || number)::uuid as id,
    1000 + floor(bench.chance(number, 41) * 50000)::bigint as cents
from generate_series(1, current_setting('bench.charges')::bigint / 60) as number;

insert into bench.posting (number, document, day, aggregateid, tax_as_line, account, formula, amount, vat, net)
select
    (select max(number) from bench.aggregate) + pas.number,
    pas.document,
    pas.day,
    pas.id::text,
    false,
    line.account,
    'TaxIncludedAmount',
    line.sign * pas.cents,
    0,
    pas.cents
from bench.pas
cross join (values ('11000000', 1), ('14000000', -1)) as line (account, sign);
analyze bench.posting;

insert into paymentallocation_vault.payments (id, amount)
select md5('payment ' || number)::uuid, cents / 100.0 from bench.pas;
insert into paymentallocation_vault.payment_states (id, payment_status)
select
    md5('state ' || number)::uuid,
    (array['ALLOCATED', 'OPEN', 'REFUNDED'])[1 + floor(bench.chance(number, 42) * 3)::integer]
from bench.pas;
insert into paymentallocation_vault.bookings (id, payment_id, payment_state_id, sap_id)
select
    id,
    md5('payment ' || number)::uuid,
    md5('state ' || number)::uuid,
    case when day >= date '2024-01-31' then 'BR_MANU-' || lpad(document::text, 7, '0') end
from bench.pas;

-- One booking run a day; one of fifty was not exported.
insert into bookkeeper_vault.summaries (uuid, create_time, file_created_at, export)
select
    md5('summary ' || day)::uuid,
    day + interval '2 hours',
    day + interval '3 hours',
    bench.chance(day - date '2019-01-01', 43) >= 0.02
from (select distinct day from bench.posting) as days;

insert into bookkeeper_vault.journal_entries (uuid, summaries_uuid, id, date)
select
    md5('entry ' || document)::uuid,
    md5('summary ' || day)::uuid,
    case when document > (select max(document) from bench.document) then 'BR_MANU-' else 'BR_TRPC-' end
    || lpad(document::text, 7, '0'),
    day
from (select distinct document, day from bench.posting) as documents;

-- Lines of a document with the same account, formula, tax code and side are one item.
create table bench.item as
select
    row_number() over (order by document, account, formula, mwskz, side, tax_as_line) as item,
    document,
    account,
    formula,
    mwskz,
    side,
    tax_as_line,
    sum(amount) as amount,
    sum(vat) as vat
from (select *, amount >= 0 as side from bench.posting) as posting
group by document, account, formula, mwskz, side, tax_as_line;
analyze bench.item;

insert into bookkeeper_vault.journal_entry_items (uuid, journal_entries_uuid, account, amount)
select
    md5('item ' || item)::uuid,
    md5('entry ' || document)::uuid,
    account,
    amount
from bench.item;

insert into bookkeeper_vault.journal_entry_item_account_metadata (uuid, journal_entry_items_uuid, type, key, value)
select
    md5('metadata ' || item.item || metadata.key)::uuid,
    md5('item ' || item.item)::uuid,
    'rfbibl',
    metadata.key,
    metadata.value
from bench.item
cross join lateral (
    values ('mwskz', item.mwskz), ('aufnr', case when item.mwskz is not null then '000000815' end), ('gsber', '1000')
) as metadata (key, value)
where metadata.value is not null;

create table bench.source as
select
    row_number() over (order by item.item, posting.number) as source,
    item.item,
    posting.number,
    posting.formula,
    posting.amount,
    posting.vat,
    posting.net,
    posting.tax_as_line,
    posting.account,
    tax_aggregate.ouid as tax_aggregate_ouid
from bench.posting
inner join bench.item
    on
        item.document = posting.document
        and item.account = posting.account
        and item.formula = posting.formula
        and item.mwskz is not distinct from posting.mwskz
        and item.side = (posting.amount >= 0)
        and item.tax_as_line = posting.tax_as_line
left join bench.tax_aggregate
    on tax_aggregate.number = posting.number and tax_aggregate.taxcategory = posting.taxcategory;
analyze bench.source;

insert into bookkeeper_vault.journal_entry_item_sources (uuid, journal_entry_items_uuid)
select md5('source ' || source)::uuid, md5('item ' || item)::uuid from bench.source;

insert into bookkeeper_vault.journal_entry_item_source_items (
    uuid, journal_entry_item_sources_uuid, amount, amount_formula, tax_index, transaction_items_uuid,
    transaction_item_taxes_uuid
)
select
    md5('source item ' || source)::uuid,
    md5('source ' || source)::uuid,
    amount,
    formula,
    case when tax_aggregate_ouid is not null then 0 end,
    md5('transaction item ' || number)::uuid,
    case when tax_aggregate_ouid is not null then md5('transaction item tax ' || tax_aggregate_ouid)::uuid end
from bench.source;

insert into bookkeeper_vault.transaction_items (uuid, external_reference)
select distinct md5('transaction item ' || number)::uuid, aggregateid from bench.posting;

insert into bookkeeper_vault.transaction_item_taxes (uuid, external_reference)
select md5('transaction item tax ' || ouid)::uuid, ouid::text from bench.tax_aggregate;

-- VAT as a tax line of the revenue item.
insert into bookkeeper_vault.journal_entry_item_taxes (uuid, journal_entry_items_uuid, amount)
select md5('item tax ' || item)::uuid, md5('item ' || item)::uuid, - vat
from bench.item
where tax_as_line and account = '80120040' and vat <> 0;

insert into bookkeeper_vault.journal_entry_item_tax_sources (uuid, journal_entry_item_taxes_uuid)
select md5('tax source ' || source.source)::uuid, md5('item tax ' || source.item)::uuid
from bench.source
inner join bench.item using (item)
where source.tax_as_line and source.account = '80120040' and item.vat <> 0;

insert into bookkeeper_vault.journal_entry_item_tax_source_items (
    uuid, journal_entry_item_tax_sources_uuid, amount, base_amount, amount_formula, transaction_items_uuid
)
select
    md5('tax source item ' || source.source)::uuid,
    md5('tax source ' || source.source)::uuid,
    source.vat,
    source.net,
    'VAT',
    md5('transaction item ' || source.number)::uuid
from bench.source
inner join bench.item using (item)
where source.tax_as_line and source.account = '80120040' and item.vat <> 0;

drop schema bench cascade;
