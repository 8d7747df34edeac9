-- Purpose: the heads of the exported documents (SAP batch input BBKPF; specification, section 6.3).
-- Grain:   one row per journal entry of an exported summary; a document number may occur in several summaries.
-- Sources: bookkeeper_vault.summaries, journal_entries.

drop table if exists report_oibl.base_data_bbkpf;
create unlogged table report_oibl.base_data_bbkpf as
select
    entry.date as budat,
    entry.id as xbelnr
from bookkeeper_vault.summaries as summary
inner join bookkeeper_vault.journal_entries as entry on summary.uuid = entry.summaries_uuid
where summary.export;

analyze report_oibl.base_data_bbkpf;
