-- fail: the list of bookings has every exported posting line of the journal once, with its amount
-- Purpose: control totals by two routes: the journal itself, and the bookings that SAP is said to have received
--     (section 6.1). A line without sources counts once, without amount.
-- Grain: one row per ledger account and posting key whose lines or sums differ. Amounts in cents, without sign.
-- Sources: bookkeeper_vault; report_oibl.new_bookkeeper_results.
with journal as (
    select
        journal_entry_items.account,
        -- Posting key: 50 credit below 0, else 40 debit.
        case when journal_entry_items.amount < 0 then '50' else '40' end as posting_key,
        count(*) as lines,
        sum(abs(journal_entry_item_source_items.amount)) as amount
    from bookkeeper_vault.summaries
    inner join bookkeeper_vault.journal_entries on summaries.uuid = journal_entries.summaries_uuid
    inner join bookkeeper_vault.journal_entry_items on journal_entries.uuid = journal_entry_items.journal_entries_uuid
    left join bookkeeper_vault.journal_entry_item_sources
        on journal_entry_items.uuid = journal_entry_item_sources.journal_entry_items_uuid
    left join bookkeeper_vault.journal_entry_item_source_items
        on journal_entry_item_sources.uuid = journal_entry_item_source_items.journal_entry_item_sources_uuid
    where summaries.export
    group by journal_entry_items.account, posting_key
),

result as (
    select
        newko as account,
        newbs as posting_key,
        count(*) as lines,
        -- Without its comma the German text with two decimals is the number of cents.
        sum(replace(wrbed_aggregate, ',', '')::bigint) as amount
    from report_oibl.new_bookkeeper_results
    group by newko, newbs
)

select
    coalesce(journal.account, result.account) as account,
    coalesce(journal.posting_key, result.posting_key) as posting_key,
    journal.lines as journal_lines,
    result.lines as result_lines,
    journal.amount as journal_amount,
    result.amount as result_amount
from journal
full join result
    on coalesce(journal.account, '') = coalesce(result.account, '') and journal.posting_key = result.posting_key
where
    journal.lines is distinct from result.lines
    or coalesce(journal.amount, 0) <> coalesce(result.amount, 0)
order by account, posting_key
