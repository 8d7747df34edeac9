-- warn: the number of bookings and their sum changed by less than a fifth since the last published list
-- needs: report_oibl.bookkeeper_results
-- Purpose: result check V15: the journal only grows; a jump is a vault that was loaded in part, or twice.
-- Grain: one row per ledger account of at least 100 lines in one of the two lists. Amounts in cents, without sign.
-- Sources: report_oibl.new_bookkeeper_results, bookkeeper_results.
with candidate as (
    select
        newko as account,
        count(*) as lines,
        sum(replace(wrbed_aggregate, ',', '')::bigint) as amount
    from report_oibl.new_bookkeeper_results
    group by newko
),

published as (
    select
        newko as account,
        count(*) as lines,
        sum(replace(wrbed_aggregate, ',', '')::bigint) as amount
    from report_oibl.bookkeeper_results
    group by newko
)

select
    coalesce(candidate.account, published.account) as account,
    published.lines as previous_lines,
    candidate.lines,
    published.amount as previous_amount,
    candidate.amount
from candidate
full join published on coalesce(candidate.account, '') = coalesce(published.account, '')
where
    -- Before the first published list there is nothing to compare with.
    exists (select from report_oibl.bookkeeper_results)
    and greatest(candidate.lines, published.lines) >= 100
    and (
        abs(coalesce(candidate.lines, 0) - coalesce(published.lines, 0)) > 0.2 * coalesce(published.lines, 0)
        or abs(coalesce(candidate.amount, 0) - coalesce(published.amount, 0)) > 0.2 * coalesce(published.amount, 0)
    )
order by account
