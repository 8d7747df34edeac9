-- warn: an exported booking run has its time, and its documents have their date
-- Purpose: source check P16: without the time there is no document date, and the amount rules' windows do not apply.
-- Grain: one row per exported summary without time, and per document of one without date.
select
    summaries.uuid as summary,
    null as document_number,
    'booking run without create_time' as reason
from bookkeeper_vault.summaries
where summaries.export and summaries.create_time is null

union all

select
    summaries.uuid,
    journal_entries.id,
    'document without date' as reason
from bookkeeper_vault.summaries
inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
where summaries.export and journal_entries.date is null
order by reason, summary
