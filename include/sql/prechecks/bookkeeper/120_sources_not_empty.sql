-- fail: there are booking runs, documents and posting lines
-- Purpose: source check P2: an empty journal would publish a list without a single booking.
-- Grain: one row per empty table.
select
    table_name,
    'the table is empty' as reason
from (
    select
        'bookkeeper_vault.summaries' as table_name,
        exists(select from bookkeeper_vault.summaries) as filled

    union all

    select
        'bookkeeper_vault.journal_entries' as table_name,
        exists(select from bookkeeper_vault.journal_entries) as filled

    union all

    select
        'bookkeeper_vault.journal_entry_items' as table_name,
        exists(select from bookkeeper_vault.journal_entry_items) as filled
) as source_table
where not filled
order by table_name
