-- warn: a charge raised again after a rejection leads back to its original within six steps
-- Purpose: source check P12, defect D5: deeper chains, cycles and unknown originals keep no original due date; with two
--     originals the earliest of their due dates is taken (section 17).
-- Grain: one row per transaction and reason.
with recursive charge as (
    select
        transactionid,
        characteristics ->> 'rejectedChargeTransactionId' as rejected
    from datalake_vault.applied_billing_charge
    where transactionid is not null
),

rejection as (
    select distinct
        transactionid,
        rejected
    from charge
    where rejected is not null
),

original as (
    select distinct charge.transactionid
    from charge
    where
        charge.rejected is null
        and charge.transactionid in (select rejection.rejected from rejection)
),

walk as (
    select
        transactionid,
        rejected as reached,
        1 as depth,
        transactionid = rejected as cycle
    from rejection

    union all

    select
        walk.transactionid,
        rejection.rejected as reached,
        walk.depth + 1 as depth,
        walk.transactionid = rejection.rejected as cycle
    from walk
    inner join rejection on walk.reached = rejection.transactionid
    where
        not walk.cycle
        -- Thirty steps are far beyond the six that count, and end a cycle that does not come back to its start.
        and walk.depth < 30
        and walk.reached not in (select original.transactionid from original)
),

fate as (
    select
        transactionid,
        min(depth) filter (where reached in (select original.transactionid from original)) as depth,
        bool_or(cycle) or max(depth) = 30 as cycle
    from walk
    group by transactionid
)

select
    transactionid,
    case
        when depth is not null then 'chain of ' || depth || ' rejections'
        when cycle then 'rejections run in a circle'
        else 'unknown original'
    end as reason
from fate
where depth is null or depth > 6

union all

select
    transactionid,
    'several originals' as reason
from rejection
group by transactionid
having count(*) > 1
order by transactionid, reason
