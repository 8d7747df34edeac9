-- Purpose: the bookings as SAP received them, down to the aggregate and amount formula that each line carries
--          (specification, section 6.1): the candidate of the published bookings, and the source of the list.
-- Grain:   one row per exported posting line and source item; a line without sources gives one row. Equal rows are
--          meaningful and stay.
-- Key:     xblnr, newko, newbs, mwskz, aggregate_id, amount_calculation, tax_aggregate_ouid
-- Sources: base_data_journal_items; bookkeeper_vault.journal_entry_item_sources, journal_entry_item_source_items,
--          transaction_items, transaction_item_taxes.
-- Order:   posting day, document, account, amount, aggregate, formula, tax aggregate, then the other columns; text in
--          byte order, null last. The order is the table's physical order. Columns with one value do not sort: they are
--          added to the sorted lines.

-- data_sap_bookings, the specification's name, is a view of the candidate: it goes first. The replaced service left a
-- table of that name.
do $$
begin
    if exists (
        select 1 from pg_class where oid = to_regclass('report_oibl.data_sap_bookings') and relkind = 'v'
    ) then
        drop view report_oibl.data_sap_bookings;
    else
        drop table if exists report_oibl.data_sap_bookings;
    end if;
end
$$;

drop table if exists report_oibl.new_bookkeeper_results;
create table report_oibl.new_bookkeeper_results as
with line as (
    select
        item.newko,
        item.amount,
        transaction_item.external_reference as aggregate_id,
        source_item.amount_formula as amount_calculation,
        -- Tax reference (section 6.1, defect D6): a reference that is no bigint is skipped, the posting line stays.
        case
            when tax.external_reference ~ '^[0-9]{1,18}$' then tax.external_reference::bigint
            when tax.external_reference ~ '^[ \t\n\v\f\r]*0*[0-9]{1,19}[ \t\n\v\f\r]*$'
                then
                    case
                        when tax.external_reference::numeric <= 9223372036854775807
                            then tax.external_reference::bigint
                    end
        end as tax_aggregate_ouid,
        item.booking_created,
        item.beldat,
        item.budat,
        item.xblnr,
        coalesce(item.aufnr, '/') as aufnr,
        coalesce(item.gsber, '/') as gsber,
        coalesce(item.mwskz, '/') as mwskz,
        source_item.amount as source_amount,
        -- German decimal text: cents / 100 without sign, two decimals, comma.
        replace((abs(source_item.amount) * 0.01)::text, '.', ',') as wrbed_aggregate,
        replace((abs(item.amount) * 0.01)::text, '.', ',') as wrbed_total,
        source_item.tax_index is not null as has_tax_index
    from report_oibl.base_data_journal_items as item
    left join bookkeeper_vault.journal_entry_item_sources as source on item.item_uuid = source.journal_entry_items_uuid
    left join bookkeeper_vault.journal_entry_item_source_items as source_item
        on source.uuid = source_item.journal_entry_item_sources_uuid
    left join bookkeeper_vault.transaction_items as transaction_item
        on source_item.transaction_items_uuid = transaction_item.uuid
    left join bookkeeper_vault.transaction_item_taxes as tax on source_item.transaction_item_taxes_uuid = tax.uuid
    order by
        -- Posting day and document.
        item.document_place,
        item.newko collate "C",
        item.amount,
        transaction_item.external_reference collate "C",
        source_item.amount_formula collate "C",
        tax_aggregate_ouid,
        item.booking_created,
        item.beldat,
        item.aufnr collate "C",
        item.gsber collate "C",
        item.mwskz collate "C",
        source_amount,
        has_tax_index
)

select
    -1 as booking_execution_id,
    booking_created,
    'bbseg'::text as booking_src,
    ''::text as key,
    'ED'::text as ba,
    budat,
    '100'::text as bukrs,
    beldat,
    aufnr,
    gsber,
    '/'::text as kostl,
    mwskz,
    '/'::text as newbk,
    -- Posting key: 50 credit below zero, else 40 debit (zero and null too).
    case when amount < 0 then '50' else '40' end as newbs,
    newko,
    '/'::text as prced,
    '/'::text as sgtxt,
    '/'::text as vbund,
    wrbed_aggregate,
    wrbed_total,
    xblnr,
    case when has_tax_index then 'X' else '/' end as xstba,
    '/'::text as zterm,
    '/'::text as zuonr,
    '/'::text as psegment,
    aggregate_id,
    amount_calculation,
    tax_aggregate_ouid
from line;

analyze report_oibl.new_bookkeeper_results;

-- What the columns mean: the one source for the warehouse, the manifest and docs/list-columns.md (`make describe`).
comment on column report_oibl.new_bookkeeper_results.booking_execution_id is
'booking run that sent the line; always -1, kept for readers of the replaced service';
comment on column report_oibl.new_bookkeeper_results.booking_created is
'day of the export to SAP: of the file or of the document, whichever is earlier';
comment on column report_oibl.new_bookkeeper_results.booking_src is 'record type of the interface to SAP; always bbseg';
comment on column report_oibl.new_bookkeeper_results.key is 'key of the SAP record; always empty';
comment on column report_oibl.new_bookkeeper_results.ba is 'document type; always ED';
comment on column report_oibl.new_bookkeeper_results.budat is 'posting date: the day of the journal entry';
comment on column report_oibl.new_bookkeeper_results.bukrs is 'company code; always 100';
comment on column report_oibl.new_bookkeeper_results.beldat is
'document date: the day on which the booking run was made';
comment on column report_oibl.new_bookkeeper_results.aufnr is 'order number; / means none';
comment on column report_oibl.new_bookkeeper_results.gsber is 'business area; / means none';
comment on column report_oibl.new_bookkeeper_results.kostl is 'cost centre; always /';
comment on column report_oibl.new_bookkeeper_results.mwskz is 'SAP tax code; / means none';
comment on column report_oibl.new_bookkeeper_results.newbk is 'company code of the line; always /';
comment on column report_oibl.new_bookkeeper_results.newbs is 'posting key: 50 is a credit, 40 a debit (also of zero)';
comment on column report_oibl.new_bookkeeper_results.newko is 'main ledger account';
comment on column report_oibl.new_bookkeeper_results.prced is 'pricing procedure; always /';
comment on column report_oibl.new_bookkeeper_results.sgtxt is 'text of the line; always /';
comment on column report_oibl.new_bookkeeper_results.vbund is 'trading partner; always /';
comment on column report_oibl.new_bookkeeper_results.wrbed_aggregate is
'part of the line that belongs to aggregate_id, in euros: German text without sign, with a comma';
comment on column report_oibl.new_bookkeeper_results.wrbed_total is
'amount of the whole line, in euros: German text without sign, with a comma';
comment on column report_oibl.new_bookkeeper_results.xblnr is
'SAP document: the number of the journal entry, such as BR_TRPC-058822';
comment on column report_oibl.new_bookkeeper_results.xstba is 'X if the line has a tax index, else /';
comment on column report_oibl.new_bookkeeper_results.zterm is 'terms of payment; always /';
comment on column report_oibl.new_bookkeeper_results.zuonr is 'assignment; always /';
comment on column report_oibl.new_bookkeeper_results.psegment is 'segment; always /';
comment on column report_oibl.new_bookkeeper_results.aggregate_id is 'unit in which charges are summed and booked';
comment on column report_oibl.new_bookkeeper_results.amount_calculation is
'which amount of the charge the line carries, such as TaxIncludedAmount or VAT';
comment on column report_oibl.new_bookkeeper_results.tax_aggregate_ouid is
'number of the tax aggregate in the billing system; null for none';

create view report_oibl.data_sap_bookings as
select * from report_oibl.new_bookkeeper_results;
