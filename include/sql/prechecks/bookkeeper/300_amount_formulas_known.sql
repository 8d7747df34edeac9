-- warn: every amount formula of an exported posting line is one that the amount rules know
-- Purpose: source check P8: an unknown formula books the amount 0 (rule R24), on a tax line the sentinel -1.
-- Grain: one row per unknown formula. Lines without any formula are counted too; the rules give them 0.
with line as (
    select
        journal_entry_item_sources.journal_entry_items_uuid,
        journal_entry_item_source_items.amount_formula,
        'posting line' as kind
    from bookkeeper_vault.journal_entry_item_source_items
    inner join bookkeeper_vault.journal_entry_item_sources
        on journal_entry_item_source_items.journal_entry_item_sources_uuid = journal_entry_item_sources.uuid
    where
        coalesce(journal_entry_item_source_items.amount_formula, '') not in (
            'ac.TaxIncludedAmount', 'TaxIncludedAmount',
            'TaxExcludedAmount - energyTax.Amount', 'VATExcludedAmount - GASTAX',
            'VATExcludedAmount - ELECTRICITYTAX', 'TaxIncludedAmount - VAT - ENERGYTAX',
            'TaxIncludedAmount - VAT - ELECTRICITYTAX', 'TaxIncludedAmount - VAT - GASTAX',
            'VATExcludedAmount', 'TaxIncludedAmount - VAT',
            'energyTax.Amount', 'GASTAX', 'ELECTRICITYTAX', 'vat.Amount', 'VAT'
        )

    union all

    select
        journal_entry_item_taxes.journal_entry_items_uuid,
        journal_entry_item_tax_source_items.amount_formula,
        'tax line' as kind
    from bookkeeper_vault.journal_entry_item_tax_source_items
    inner join bookkeeper_vault.journal_entry_item_tax_sources
        on journal_entry_item_tax_source_items.journal_entry_item_tax_sources_uuid = journal_entry_item_tax_sources.uuid
    inner join bookkeeper_vault.journal_entry_item_taxes
        on journal_entry_item_tax_sources.journal_entry_item_taxes_uuid = journal_entry_item_taxes.uuid
    where coalesce(journal_entry_item_tax_source_items.amount_formula, '') not in ('vat.Amount', 'VAT')
)

select
    coalesce(line.amount_formula, '(none)') as amount_formula,
    line.kind,
    count(*) as lines
from bookkeeper_vault.summaries
inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
inner join bookkeeper_vault.journal_entry_items on journal_entries.uuid = journal_entry_items.journal_entries_uuid
inner join line on journal_entry_items.uuid = line.journal_entry_items_uuid
where summaries.export
group by line.amount_formula, line.kind
order by line.kind, amount_formula
