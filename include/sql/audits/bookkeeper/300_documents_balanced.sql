-- warn: a document of the journal is in balance
-- Purpose: result check V9: posting lines and tax lines of a document sum up to 0, as SAP demands it.
-- Grain: one row per exported document out of balance. Amounts in cents.
-- Sources: bookkeeper_vault.
with item_tax as (
    select
        journal_entry_items_uuid,
        sum(amount) as amount
    from bookkeeper_vault.journal_entry_item_taxes
    group by journal_entry_items_uuid
)

select
    journal_entries.id as document_number,
    journal_entries.uuid as journal_entry,
    sum(journal_entry_items.amount) as posting_lines,
    sum(item_tax.amount) as tax_lines
from bookkeeper_vault.summaries
inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
inner join bookkeeper_vault.journal_entry_items on journal_entries.uuid = journal_entry_items.journal_entries_uuid
left join item_tax on journal_entry_items.uuid = item_tax.journal_entry_items_uuid
where summaries.export
group by journal_entries.id, journal_entries.uuid
having
    coalesce(sum(journal_entry_items.amount), 0) <> 0
    and coalesce(sum(journal_entry_items.amount), 0) + coalesce(sum(item_tax.amount), 0) <> 0
order by document_number, journal_entry
