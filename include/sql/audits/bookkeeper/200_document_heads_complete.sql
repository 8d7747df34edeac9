-- fail: every exported document has its head once
-- Purpose: control total: tax bookings of a document without head are not in the list (sections 6.3 and 14.4).
-- Grain: one row per document number with another number of heads.
-- Sources: bookkeeper_vault; report_oibl.base_data_bbkpf.
with journal as (
    select
        journal_entries.id as document_number,
        count(*) as documents
    from bookkeeper_vault.summaries
    inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
    where summaries.export
    group by journal_entries.id
),

head as (
    select
        xbelnr as document_number,
        count(*) as heads
    from report_oibl.base_data_bbkpf
    group by xbelnr
)

select
    coalesce(journal.document_number, head.document_number) as document_number,
    journal.documents,
    head.heads
from journal
full join head on coalesce(journal.document_number, '') = coalesce(head.document_number, '')
where journal.documents is distinct from head.heads
order by document_number
