-- Purpose: whom a charge or balance belongs to: contract account, master account, customer, dunning (specification,
--          sections 10.1 and 12).
-- Grain:   one row per account, login of its customer and relationship: two logins or two relationships give two rows
--          (oddity D2, kept: bookings are multiplied; a precheck lists them).
-- Sources: datalake_vault.billing_account, login; base_data_billing_accounts, base_data_dunning.

drop table if exists report_oibl.base_data_accounts;
create unlogged table report_oibl.base_data_accounts as
select
    account.ouid as billing_account_ouid,
    login.ouid as login_ouid,
    login.externalid as customer_id,
    coalesce(related.mba, account.name) as mba,
    related.cba,
    coalesce(account.characteristics ->> 'migrationFlag', related.migration_flag) as migration_flag,
    dunning.dunning_lock_until,
    dunning.dunning_lock_reason,
    dunning.dunning_status,
    dunning.dunning_scenario,
    dunning.dunning_level
from datalake_vault.billing_account as account
left join datalake_vault.login as login on account.customerouid = login.customerouid
left join report_oibl.base_data_billing_accounts as related on account.name = related.cba
left join report_oibl.base_data_dunning as dunning on coalesce(related.mba, account.name) = dunning.mba
where account.ouid is not null;

analyze report_oibl.base_data_accounts;
