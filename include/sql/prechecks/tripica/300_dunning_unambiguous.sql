-- warn: an account has one newest dunning case with one claim
-- needs: receivablemanagement_vault.case_receivables, receivablemanagement_vault.dunning_claims
-- Purpose: source check P13: with equal creation instants or several claims the tie-break of section 17 decides.
-- Grain: one row per account or case and reason.
select
    mba as key,
    'several cases created at the same instant' as reason,
    count(*) as occurrences
from (
    select
        mba,
        -- A missing instant counts as the newest.
        rank() over (partition by mba order by created_at desc nulls first) as age
    from receivablemanagement_vault.case_receivables
) as ranked
where age = 1
group by mba
having count(*) > 1

union all

select
    case_receivable_id::text as key,
    'several claims of one case' as reason,
    count(*) as occurrences
from receivablemanagement_vault.dunning_claims
group by case_receivable_id
having count(*) > 1
order by reason, key
