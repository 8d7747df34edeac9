-- warn: rows and sums of each type changed by less than a fifth since the last published list
-- needs: report_oibl.tripica_results
-- Purpose: result check V15: a jump is a vault that was loaded in part, a new charge type, or a broken rule.
-- Grain: one row per kind of row and type (glid) of at least 100 rows in one of the two lists.
-- Sources: report_oibl.new_tripica_results, tripica_results.
with candidate as (
    select
        aggregate_id is null as open_item,
        coalesce(glid, '') as glid,
        count(*) as rows,
        sum(amount_gross) as gross
    from report_oibl.new_tripica_results
    group by aggregate_id is null, coalesce(glid, '')
),

published as (
    select
        aggregate_id is null as open_item,
        coalesce(glid, '') as glid,
        count(*) as rows,
        sum(amount_gross) as gross
    from report_oibl.tripica_results
    group by aggregate_id is null, coalesce(glid, '')
)

select
    case when coalesce(candidate.open_item, published.open_item) then 'open item' else 'booking' end as kind,
    coalesce(candidate.glid, published.glid) as glid,
    published.rows as previous_rows,
    candidate.rows,
    published.gross as previous_gross,
    candidate.gross
from candidate
full join published on candidate.open_item = published.open_item and candidate.glid = published.glid
where
    -- Before the first published list there is nothing to compare with.
    exists (select from report_oibl.tripica_results)
    and greatest(candidate.rows, published.rows) >= 100
    and (
        abs(coalesce(candidate.rows, 0) - coalesce(published.rows, 0)) > 0.2 * coalesce(published.rows, 0)
        or abs(coalesce(candidate.gross, 0) - coalesce(published.gross, 0)) > 0.2 * abs(coalesce(published.gross, 0))
    )
order by kind, glid
