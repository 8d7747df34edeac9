-- warn: an account with charges has a login
-- Purpose: source check P6: without a login the list shows no customer number.
-- Grain: one row per kind of link, with the number of rows without their partner and one of them.
select
    link,
    count(*) as orphans,
    min(key) as example
from (
    select
        'account with charges without login' as link,
        billing_account.ouid::text as key
    from datalake_vault.billing_account
    where
        billing_account.ouid in (select billingaccountouid from datalake_vault.applied_billing_charge)
        and not exists (
            select from datalake_vault.login
            where billing_account.customerouid = login.customerouid
        )
) as orphan
group by link
order by link
