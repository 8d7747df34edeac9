-- Purpose: which contract account (CBA) belongs to which master account (MBA); specification, section 7.1.
-- Grain:   one row per relationship whose two accounts exist; later joined by the account's name = cba.
-- Sources: datalake_vault.billing_account_relationship, billing_account.

drop table if exists report_oibl.base_data_billing_accounts;
create unlogged table report_oibl.base_data_billing_accounts as
select
    master.name as mba,
    contract.name as cba,
    master.characteristics ->> 'migrationFlag' as migration_flag
from datalake_vault.billing_account_relationship as relationship
inner join datalake_vault.billing_account as contract on relationship.billingaccountouid = contract.ouid
inner join datalake_vault.billing_account as master on relationship.targetbillingaccountouid = master.ouid;

analyze report_oibl.base_data_billing_accounts;
