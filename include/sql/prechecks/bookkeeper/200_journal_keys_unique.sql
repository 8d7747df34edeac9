-- fail: no uuid occurs twice in a table of the journal
-- Purpose: source check P4: a doubled row multiplies bookings and so doubles debit and credit.
-- Grain: one row per table and doubled key.
select
    table_name,
    key,
    occurrences
from (
    select
        'summaries' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.summaries
    group by uuid
    having count(*) > 1

    union all

    select
        'journal_entries' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.journal_entries
    group by uuid
    having count(*) > 1

    union all

    select
        'journal_entry_items' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.journal_entry_items
    group by uuid
    having count(*) > 1

    union all

    select
        'journal_entry_item_sources' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.journal_entry_item_sources
    group by uuid
    having count(*) > 1

    union all

    select
        'transaction_items' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.transaction_items
    group by uuid
    having count(*) > 1

    union all

    select
        'transaction_item_taxes' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.transaction_item_taxes
    group by uuid
    having count(*) > 1

    union all

    select
        'journal_entry_item_taxes' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.journal_entry_item_taxes
    group by uuid
    having count(*) > 1

    union all

    select
        'journal_entry_item_tax_sources' as table_name,
        uuid as key,
        count(*) as occurrences
    from bookkeeper_vault.journal_entry_item_tax_sources
    group by uuid
    having count(*) > 1
) as doubled
order by table_name, key
