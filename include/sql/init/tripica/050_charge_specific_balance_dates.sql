-- Purpose: dates of single charges whose transaction has balances in different states, and of bonuses that were paid
--          back (specification, section 7.4).
-- Grain:   distinct rows of charge, status and dates; a charge may have several.
-- Sources: datalake_vault.billing_account_balance, applied_billing_charge; base_data_due_balances,
--          base_data_balance_date, base_data_noted_charges.

-- Balances of transactions in different states: a small analysed table, so that the planner knows how few they are.
create temporary table split_balance on commit drop as
-- b. Partially paid: the parent transaction's due date, where it has one at all. Of several parents the earliest.
with parent as (
    select
        noted.transactionid,
        min(parent_date.due_date) as due_date
    from report_oibl.base_data_noted_charges as noted
    inner join report_oibl.base_data_balance_date as parent_date
        on noted.partially_paid_transactionid = parent_date.transactionid
    group by noted.transactionid
)

select
    balance.transactionid,
    balance.billingaccountouid,
    balance.amount,
    balance.status,
    -- Lettering day; else, where the status says that it is settled, the day of the modification.
    (
        coalesce(
            balance.letteringdate,
            case when balance.status in ('DUE_LETTERED', 'DUE_CANCELLED') then balance.datetimelastmodif end
        ) at time zone 'Europe/Berlin'
    )::date as balance_date,
    case
        when parent.transactionid is not null then parent.due_date
        else (balance.startdatetime at time zone 'Europe/Berlin')::date
    end as due_date
from report_oibl.base_data_due_balances as transaction_balance
inner join datalake_vault.billing_account_balance as balance
    on transaction_balance.transactionid = balance.transactionid
left join parent on balance.transactionid = parent.transactionid
where transaction_balance.has_split_status and balance.status like 'DUE%';

analyze split_balance;

drop table if exists report_oibl.base_data_charge_specific_balance_date;
create unlogged table report_oibl.base_data_charge_specific_balance_date as
-- a. Split status: each balance dates the charges of its transaction with its amount and account.
select distinct
    charge.ouid as charge_ouid,
    balance.status,
    balance.transactionid,
    balance.balance_date,
    balance.due_date
from split_balance as balance
inner join datalake_vault.applied_billing_charge as charge
    on
        balance.transactionid = charge.transactionid
        and balance.amount = charge.taxincludedamount
        and balance.billingaccountouid = charge.billingaccountouid
union all
-- c. Bonus paid back: settled on the day of the refund.
select distinct
    bonus.ouid as charge_ouid,
    '' as status,
    bonus.transactionid,
    refund.created_on as balance_date,
    bonus.created_on as due_date
from report_oibl.base_data_noted_charges as bonus
inner join report_oibl.base_data_noted_charges as refund
    on
        bonus.billingaccountouid = refund.billingaccountouid
        and bonus.transactionid = refund.transactionid
        and bonus.taxincludedamount = refund.taxincludedamount
where
    bonus.is_manual_bonus
    and bonus.accountingid is distinct from 'ignored'
    and refund.is_manual_bonus_refund
    and refund.accountingid is distinct from 'ignored';

analyze report_oibl.base_data_charge_specific_balance_date;
