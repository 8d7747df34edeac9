-- fail: the tax lines have every exported tax source of the journal once, with amount and base
-- Purpose: control totals by two routes (section 6.2); a VAT account that is mapped twice would double lines.
-- Grain: one row per document whose lines or sums differ. Amounts in cents, without sign.
-- Sources: bookkeeper_vault; report_oibl.base_data_bbtax.
with journal as (
    select
        journal_entries.id as document_number,
        count(*) as lines,
        coalesce(sum(abs(journal_entry_item_tax_source_items.amount)), 0) as amount,
        coalesce(sum(abs(journal_entry_item_tax_source_items.base_amount)), 0) as base
    from bookkeeper_vault.summaries
    inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
    inner join bookkeeper_vault.journal_entry_items on journal_entries.uuid = journal_entry_items.journal_entries_uuid
    inner join bookkeeper_vault.journal_entry_item_taxes
        on journal_entry_items.uuid = journal_entry_item_taxes.journal_entry_items_uuid
    inner join bookkeeper_vault.journal_entry_item_tax_sources
        on journal_entry_item_taxes.uuid = journal_entry_item_tax_sources.journal_entry_item_taxes_uuid
    left join bookkeeper_vault.journal_entry_item_tax_source_items
        on
            journal_entry_item_tax_sources.uuid
            = journal_entry_item_tax_source_items.journal_entry_item_tax_sources_uuid
    where summaries.export
    group by journal_entries.id
),

line as (
    select
        xblnr as document_number,
        count(*) as lines,
        -- Without its comma the German text with two decimals is the number of cents.
        coalesce(sum(replace(wrbed, ',', '')::bigint), 0) as amount,
        coalesce(sum(replace(fwbas, ',', '')::bigint), 0) as base
    from report_oibl.base_data_bbtax
    group by xblnr
)

select
    coalesce(journal.document_number, line.document_number) as document_number,
    journal.lines as journal_lines,
    line.lines as tax_lines,
    journal.amount as journal_amount,
    line.amount as tax_amount,
    journal.base as journal_base,
    line.base as tax_base
from journal
full join line on coalesce(journal.document_number, '') = coalesce(line.document_number, '')
where
    journal.lines is distinct from line.lines
    or journal.amount is distinct from line.amount
    or journal.base is distinct from line.base
order by document_number
