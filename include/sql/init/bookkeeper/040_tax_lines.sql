-- Purpose: the tax lines that SAP received beside the postings (SAP batch input BBTAX; specification, section 6.2).
-- Grain:   one row per tax source of an exported posting line and its source item; without items one row.
-- Sources: base_data_journal_items, client_data_vat_booking_accounts; bookkeeper_vault.journal_entry_item_taxes,
--          journal_entry_item_tax_sources, journal_entry_item_tax_source_items, transaction_items.

drop table if exists report_oibl.base_data_bbtax;
create unlogged table report_oibl.base_data_bbtax as
select
    -1 as bbtax_booking_execution_id,
    item.booking_created as bbtax_booking_created,
    '/'::text as key,
    '/'::text as aufnr,
    '/'::text as gsber,
    '/'::text as kostl,
    coalesce(item.mwskz, '/') as mwskz,
    '/'::text as newbk,
    -- Posting key by the sign of the tax line, not of the posting line.
    case when tax.amount < 0 then '50' else '40' end as newbs,
    -- VAT account by the code as it was sent; a line without code has none.
    vat_account.account::text as newko,
    '/'::text as prced,
    '/'::text as sgtxt,
    '/'::text as vbund,
    replace(round(abs(source_item.amount) / 100.0, 2)::text, '.', ',') as wrbed,
    replace(round(abs(source_item.base_amount) / 100.0, 2)::text, '.', ',') as fwbas,
    item.xblnr,
    '/'::text as xstba,
    '/'::text as zterm,
    '/'::text as zuonr,
    '/'::text as psegment,
    transaction_item.external_reference as aggregate_id,
    source_item.amount_formula as amount_calculation
from report_oibl.base_data_journal_items as item
inner join bookkeeper_vault.journal_entry_item_taxes as tax on item.item_uuid = tax.journal_entry_items_uuid
inner join bookkeeper_vault.journal_entry_item_tax_sources as source on tax.uuid = source.journal_entry_item_taxes_uuid
left join bookkeeper_vault.journal_entry_item_tax_source_items as source_item
    on source.uuid = source_item.journal_entry_item_tax_sources_uuid
left join bookkeeper_vault.transaction_items as transaction_item
    on source_item.transaction_items_uuid = transaction_item.uuid
left join report_oibl.client_data_vat_booking_accounts as vat_account on item.mwskz = vat_account.mwskz;

analyze report_oibl.base_data_bbtax;
