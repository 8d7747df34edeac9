-- Purpose: the bookings as SAP received them, down to the aggregate and amount formula that each line carries
--          (specification, section 6.1).
-- Grain:   one row per exported posting line and source item; a line without sources gives one row.
-- Sources: base_data_journal_items; bookkeeper_vault.journal_entry_item_sources, journal_entry_item_source_items,
--          transaction_items, transaction_item_taxes.

drop table if exists report_oibl.data_sap_bookings;
create unlogged table report_oibl.data_sap_bookings as
select
    -1 as booking_execution_id,
    item.booking_created,
    'bbseg'::text as booking_src,
    ''::text as key,
    'ED'::text as ba,
    item.budat,
    '100'::text as bukrs,
    item.beldat,
    coalesce(item.aufnr, '/') as aufnr,
    coalesce(item.gsber, '/') as gsber,
    '/'::text as kostl,
    coalesce(item.mwskz, '/') as mwskz,
    '/'::text as newbk,
    -- Posting key: 50 credit below zero, else 40 debit (zero and null too).
    case when item.amount < 0 then '50' else '40' end as newbs,
    item.newko,
    '/'::text as prced,
    '/'::text as sgtxt,
    '/'::text as vbund,
    -- German decimal text: cents / 100 without sign, two decimals, comma.
    replace(round(abs(source_item.amount) / 100.0, 2)::text, '.', ',') as wrbed_aggregate,
    replace(round(abs(item.amount) / 100.0, 2)::text, '.', ',') as wrbed_total,
    item.xblnr,
    case when source_item.tax_index is not null then 'X' else '/' end as xstba,
    '/'::text as zterm,
    '/'::text as zuonr,
    '/'::text as psegment,
    transaction_item.external_reference as aggregate_id,
    source_item.amount_formula as amount_calculation,
    -- Tax reference (section 6.1, defect D6): a reference that is no bigint is skipped, the posting line stays.
    case
        when tax.external_reference ~ '^[0-9]{1,18}$' then tax.external_reference::bigint
        when tax.external_reference ~ '^[ \t\n\v\f\r]*0*[0-9]{1,19}[ \t\n\v\f\r]*$'
            then
                case
                    when tax.external_reference::numeric <= 9223372036854775807 then tax.external_reference::bigint
                end
    end as tax_aggregate_ouid
from report_oibl.base_data_journal_items as item
left join bookkeeper_vault.journal_entry_item_sources as source on item.item_uuid = source.journal_entry_items_uuid
left join bookkeeper_vault.journal_entry_item_source_items as source_item
    on source.uuid = source_item.journal_entry_item_sources_uuid
left join bookkeeper_vault.transaction_items as transaction_item
    on source_item.transaction_items_uuid = transaction_item.uuid
left join bookkeeper_vault.transaction_item_taxes as tax on source_item.transaction_item_taxes_uuid = tax.uuid;

analyze report_oibl.data_sap_bookings;
