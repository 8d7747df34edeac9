-- Purpose: payments that were booked as balances (specification, section 12).
-- Grain:   one row per balance with an aggregate, login of its customer and relationship (oddity D2, kept; not
--          distinct).
-- Sources: datalake_vault.billing_account_balance; base_data_accounts.

drop table if exists report_oibl.data_balances;
create unlogged table report_oibl.data_balances as
select
    balance.ouid as billing_account_balance_ouid,
    balance.datetimelastmodif,
    account.mba,
    account.cba,
    account.customer_id,
    (balance.datetimecreate at time zone 'Europe/Berlin')::date as datetimecreate,
    balance.transactionid,
    'PAYMENT_TRANSACTION'::text as glid,
    'BALANCE'::text as analyticaxis,
    balance.aggregateid,
    balance.accountingid,
    -- Paid or to be paid: without sign.
    (abs(balance.amount) * 0.01)::numeric(20, 2) as taxincludedamount,
    account.migration_flag
from datalake_vault.billing_account_balance as balance
left join report_oibl.base_data_accounts as account on balance.billingaccountouid = account.billing_account_ouid
where
    balance.aggregateid is not null
    -- Cut-off of balances: created after 2019-07-30, Berlin day (oddity D19, kept).
    and balance.datetimecreate >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin';

analyze report_oibl.data_balances;
