-- warn: every part of the journal has the part that it belongs to
-- Purpose: source check P6: what hangs in the air is not in the list, silently.
-- Grain: one row per kind of link, with the number of rows without their partner and one of them.
select
    link,
    count(*) as orphans,
    min(key) as example
from (
    select
        'journal entry without summary' as link,
        journal_entries.uuid::text as key
    from bookkeeper_vault.journal_entries
    where
        not exists (
            select from bookkeeper_vault.summaries
            where journal_entries.summaries_uuid = summaries.uuid
        )

    union all

    select
        'posting line without journal entry' as link,
        journal_entry_items.uuid::text as key
    from bookkeeper_vault.journal_entry_items
    where
        not exists (
            select from bookkeeper_vault.journal_entries
            where journal_entry_items.journal_entries_uuid = journal_entries.uuid
        )

    union all

    select
        'source without posting line' as link,
        journal_entry_item_sources.uuid::text as key
    from bookkeeper_vault.journal_entry_item_sources
    where
        not exists (
            select from bookkeeper_vault.journal_entry_items
            where journal_entry_item_sources.journal_entry_items_uuid = journal_entry_items.uuid
        )

    union all

    select
        'source item without source' as link,
        journal_entry_item_source_items.journal_entry_item_sources_uuid::text as key
    from bookkeeper_vault.journal_entry_item_source_items
    where
        not exists (
            select from bookkeeper_vault.journal_entry_item_sources
            where journal_entry_item_source_items.journal_entry_item_sources_uuid = journal_entry_item_sources.uuid
        )

    union all

    select
        'source item without transaction item' as link,
        journal_entry_item_source_items.transaction_items_uuid::text as key
    from bookkeeper_vault.journal_entry_item_source_items
    where
        journal_entry_item_source_items.transaction_items_uuid is not null
        and not exists (
            select from bookkeeper_vault.transaction_items
            where journal_entry_item_source_items.transaction_items_uuid = transaction_items.uuid
        )

    union all

    select
        'source item without transaction item tax' as link,
        journal_entry_item_source_items.transaction_item_taxes_uuid::text as key
    from bookkeeper_vault.journal_entry_item_source_items
    where
        journal_entry_item_source_items.transaction_item_taxes_uuid is not null
        and not exists (
            select from bookkeeper_vault.transaction_item_taxes
            where journal_entry_item_source_items.transaction_item_taxes_uuid = transaction_item_taxes.uuid
        )

    union all

    select
        'tax line without posting line' as link,
        journal_entry_item_taxes.uuid::text as key
    from bookkeeper_vault.journal_entry_item_taxes
    where
        not exists (
            select from bookkeeper_vault.journal_entry_items
            where journal_entry_item_taxes.journal_entry_items_uuid = journal_entry_items.uuid
        )

    union all

    select
        'tax source without tax line' as link,
        journal_entry_item_tax_sources.uuid::text as key
    from bookkeeper_vault.journal_entry_item_tax_sources
    where
        not exists (
            select from bookkeeper_vault.journal_entry_item_taxes
            where journal_entry_item_tax_sources.journal_entry_item_taxes_uuid = journal_entry_item_taxes.uuid
        )

    union all

    select
        'tax source item without transaction item' as link,
        journal_entry_item_tax_source_items.transaction_items_uuid::text as key
    from bookkeeper_vault.journal_entry_item_tax_source_items
    where
        journal_entry_item_tax_source_items.transaction_items_uuid is not null
        and not exists (
            select from bookkeeper_vault.transaction_items
            where journal_entry_item_tax_source_items.transaction_items_uuid = transaction_items.uuid
        )
) as orphan
group by link
order by link
