-- warn: an exported posting line has an amount other than 0
-- Purpose: source check P16: a line without amount counts as debit, whatever it was meant to be.
-- Grain: one row per posting line.
select
    journal_entries.id as document_number,
    journal_entry_items.uuid as posting_line,
    journal_entry_items.account,
    case when journal_entry_items.amount is null then 'no amount' else 'amount is 0' end as reason
from bookkeeper_vault.summaries
inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
inner join bookkeeper_vault.journal_entry_items on journal_entries.uuid = journal_entry_items.journal_entries_uuid
where summaries.export and coalesce(journal_entry_items.amount, 0) = 0
order by document_number, posting_line
