-- warn: an exported document number occurs once
-- Purpose: source check P4: a number in two exported summaries gives its tax bookings one row per header date (14.4).
--     The specification calls it an error, but the rule for it is defined and the sample has the case, so the run
--     goes on and a person looks.
-- Grain: one row per document number.
select
    journal_entries.id as document_number,
    count(*) as occurrences,
    min(journal_entries.date) as first_date,
    max(journal_entries.date) as last_date
from bookkeeper_vault.journal_entries
inner join bookkeeper_vault.summaries on journal_entries.summaries_uuid = summaries.uuid and summaries.export
group by journal_entries.id
having count(*) > 1
order by document_number
