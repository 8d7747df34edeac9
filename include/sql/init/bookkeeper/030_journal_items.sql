-- Purpose: the posting lines of the exported journal with what SAP is told about them.
-- Grain:   one row per item of a journal entry of an exported summary.
-- Sources: bookkeeper_vault.summaries, journal_entries, journal_entry_items, journal_entry_item_account_metadata.

drop table if exists report_oibl.base_data_journal_items;
create unlogged table report_oibl.base_data_journal_items as
with item_metadata as (
    -- Item metadata (section 6): of several values for one key the greatest in byte order.
    select
        journal_entry_items_uuid,
        max(value collate "C") filter (where key = 'aufnr') as aufnr,
        max(value collate "C") filter (where key = 'gsber') as gsber,
        max(value collate "C") filter (where key = 'mwskz') as mwskz
    from bookkeeper_vault.journal_entry_item_account_metadata
    where type in ('rfbibl', 'schleupen') and key in ('aufnr', 'gsber', 'mwskz')
    group by journal_entry_items_uuid
),

document as (
    select
        entry.uuid,
        -- booking_created (section 6.1): the earlier of file and document day; a missing one is ignored. Journal
        -- instants have no zone and are used as stored.
        least(summary.file_created_at::date, summary.create_time::date) as booking_created,
        summary.create_time::date as beldat,
        entry.date as budat,
        entry.id as xblnr,
        -- The document's place by posting day and number: whoever sorts the lines of the few documents compares one
        -- number in place of both.
        dense_rank() over (order by entry.date, entry.id collate "C") as document_place
    from bookkeeper_vault.summaries as summary
    inner join bookkeeper_vault.journal_entries as entry on summary.uuid = entry.summaries_uuid
    -- Only what was exported to SAP counts; no answer means no (section 4.2).
    where summary.export
)

select
    item.uuid as item_uuid,
    document.document_place,
    document.booking_created,
    document.beldat,
    document.budat,
    document.xblnr,
    item.account as newko,
    item.amount,
    metadata.aufnr collate "default" as aufnr,
    metadata.gsber collate "default" as gsber,
    metadata.mwskz collate "default" as mwskz
from document
inner join bookkeeper_vault.journal_entry_items as item on document.uuid = item.journal_entries_uuid
left join item_metadata as metadata on item.uuid = metadata.journal_entry_items_uuid;

analyze report_oibl.base_data_journal_items;
