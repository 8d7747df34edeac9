-- warn: a customer has one login, a contract account one master account and is none itself
-- Purpose: source check P5: each further one multiplies the account's booking rows, and so debit and credit
--     (defect D2), and leaves the choice of customer number, master account and dunning to the order of ties.
-- Grain: one row per customer or account.
select
    'logins of customer' as what,
    customerouid::text as key,
    count(*) as occurrences
from datalake_vault.login
where customerouid is not null
group by customerouid
having count(*) > 1

union all

select
    'master accounts of account' as what,
    billingaccountouid::text as key,
    count(*) as occurrences
from datalake_vault.billing_account_relationship
group by billingaccountouid
having count(*) > 1

union all

select
    'account is contract and master account' as what,
    billingaccountouid::text as key,
    count(*) as occurrences
from datalake_vault.billing_account_relationship
where
    billingaccountouid in (
        select master.targetbillingaccountouid from datalake_vault.billing_account_relationship as master
    )
group by billingaccountouid
order by what, key
