-- warn: a dunning claim has its case, and a case its claim's status
-- needs: receivablemanagement_vault.case_receivables, receivablemanagement_vault.dunning_claims, dunning_vault.claims
-- Purpose: source check P6: level and scenario of an unlinked claim are not shown.
-- Grain: one row per kind of link, with the number of rows without their partner and one of them.
select
    link,
    count(*) as orphans,
    min(key) as example
from (
    select
        'dunning claim without case' as link,
        dunning_claims.dunning_claim_id::text as key
    from receivablemanagement_vault.dunning_claims
    where
        not exists (
            select from receivablemanagement_vault.case_receivables
            where dunning_claims.case_receivable_id = case_receivables.id
        )

    union all

    select
        'dunning claim without claim' as link,
        dunning_claims.dunning_claim_id::text as key
    from receivablemanagement_vault.dunning_claims
    where
        dunning_claims.dunning_claim_id is not null
        and not exists (
            select from dunning_vault.claims
            where dunning_claims.dunning_claim_id = claims.id
        )
) as orphan
group by link
order by link
